// World: everything that stands between the islands of one process, put together: the virtual loop,
// the fabric, a transport and a collective per island, and the coordinator of rounds.
//
// run() gives each island a thread with its ports, and rethrows what ended the run early. Ledger
// and tables may be read when it has returned. One world, one run.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backends/fabric.h"
#include "core/base/storage.h"
#include "core/comm/coordinator.h"
#include "core/comm/handout.h"
#include "core/comm/rounds.h"
#include "core/comm/transport_collective.h"
#include "netsim/virtual_loop.h"

namespace strait {

struct WorldOptions {
  int islands = 1;
  std::string network = "pipe";  // a row of make_fabric
  FabricOptions fabric;
  CollectiveOptions collective;
  Bytes eager_limit = 1024 * 1024;
  int connections = 1;
  std::uint64_t run_id = 1;
  std::vector<HelloSetting> settings;  // what islands must agree in
  bool parallel = true;                // islands compute at the same time
  bool rounds = true;                  // a coordinator serves rounds
};

class World {
 public:
  /// What an island may use; all of it outlives the island's thread.
  struct Ports {
    Clock& clock;
    Collective& collective;
    Rounds& rounds;
    Handout& handout;
  };

  /// `journal` holds the coordinator's journal and outlives the world.
  World(const WorldOptions& options, Storage& journal);
  ~World();

  void run(const std::function<void(IslandId, Ports&)>& body);

  /// Also tells `listener` every trace record, on the loop's thread. Before run().
  void listen(std::function<void(const TraceRecord&)> listener) {
    trace_.listen(std::move(listener));
  }

  int islands() const { return static_cast<int>(places_.size()); }
  const Ledger& ledger() const { return ledger_; }
  const Trace& trace() const { return trace_; }
  Nanos now() const { return loop_.now(); }
  std::vector<LinkRow> link_table() const { return fabric_->link_table(); }

  /// CPU seconds that the loop's thread spent on event code: transport, emulator, adding.
  double loop_cpu_seconds() const { return loop_cpu_seconds_; }

 private:
  struct Place;  // what belongs to one island

  std::unique_ptr<Transport> make_transport(PeerId self, const WorldOptions& options);

  Trace trace_;
  Ledger ledger_;
  VirtualLoop loop_;
  std::unique_ptr<Fabric> fabric_;
  std::vector<std::unique_ptr<Place>> places_;
  std::unique_ptr<Transport> control_;  // the coordinator's
  std::unique_ptr<Coordinator> coordinator_;
  double loop_cpu_seconds_ = 0;
};

}  // namespace strait
