// World: everything that stands between the islands of one process, put together: the loop (in
// virtual time or by the wall clock),
// the fabric, a transport and a collective per island, and the coordinator of rounds.
//
// run() gives each island a thread with its ports, and rethrows what ended the run early. Ledger
// and tables may be read when it has returned. One world, one run.
//
// Islands have lives: the network's description says which come later, leave, are killed and come
// back, and events may do the same. A killed island's thread unwinds at that instant, and what
// belonged to it is gone with its connections; a new life has everything anew. The coordinator may
// crash and be started again; what is left of it is the journal.
//
// A real run has a world in each process, which is only one peer of it (OnePeer).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/fabric.h"
#include "core/base/async.h"
#include "core/base/island_loop.h"
#include "core/base/storage.h"
#include "core/comm/catch_up.h"
#include "core/comm/coordinator.h"
#include "core/comm/handout.h"
#include "core/comm/news.h"
#include "core/comm/rounds.h"
#include "core/comm/transport_collective.h"
#include "core/io/lateness.h"

namespace strait {

/// Which one peer of a run a process is.
struct OnePeer {
  PeerId peer{};                  // an island, or the coordinator
  std::uint64_t incarnation = 1;  // of this life
  bool joins = false;             // an island: the others have begun without it
  NewsDesk::Hear hear = {};       // the coordinator: what islands tell (World::tell)
};

struct WorldOptions {
  int islands = 1;
  std::string network = "pipe";  // a row of make_fabric
  FabricOptions fabric;
  CollectiveOptions collective;
  Bytes eager_limit = 1024 * 1024;
  int connections = 1;                 // 0: as many as it takes
  Nanos measured_over{1'000'000'000};  // TransportOptions, likewise
  std::uint64_t run_id = 1;
  std::vector<HelloSetting> settings;   // what islands must agree in
  bool parallel = true;                 // islands compute at the same time
  std::optional<PaceLimits> real_time;  // by the wall clock, with these limits; none: virtual time
  bool rounds = true;                   // a coordinator serves rounds
  RoundsOptions member;
  CoordinatorOptions coordinator;  // the numbers of islands are filled in
  /// This process is only one peer, by the wall clock; the others are elsewhere, and `make_fabric`
  /// leads to them. Empty: all peers are here.
  std::optional<OnePeer> only;
  /// Instead of a row of make_fabric: for tests, and for `only`.
  std::function<std::unique_ptr<Fabric>(Loop&, Trace&)> make_fabric = {};
};

class World {
 public:
  /// What an island may use; all of it outlives the island's thread.
  struct Ports {
    Clock& clock;
    Collective& collective;
    Rounds* rounds;  // null without a coordinator
    Handout& handout;
    int life = 0;        // how often it has been started before
    bool joins = false;  // the others have begun without it, or it has been there before
    const std::atomic<bool>& leaving;  // at its next boundary, since an event said so
  };

  /// `journal` holds the coordinator's journal and outlives the world.
  World(const WorldOptions& options, Storage& journal);
  ~World();

  void run(const std::function<void(IslandId, Ports&)>& body);

  /// Also tells `listener` every trace record, on the loop's thread. Before run().
  void listen(std::function<void(const TraceRecord&)> listener) {
    trace_.listen(std::move(listener));
  }

  // For events, while run() runs.
  Loop& loop() { return loop_; }
  void kill_island(IslandId island);
  void start_island(IslandId island);  // one that is not running
  void ask_to_leave(IslandId island);
  /// The rounds are over: nobody waits for islands that would still start, nor for those that are
  /// silent for good, which could never hear of it.
  void wait_for_nobody();
  void crash_coordinator();
  void start_coordinator();

  // Where this process is only one peer:

  /// An island: tells the coordinator's process. On the loop.
  void tell(std::vector<std::byte> news) { teller_->tell(std::move(news)); }
  /// An island: what TCP says of all its connections that there were, summed. On the loop.
  std::optional<StreamFigures> figures() const;
  /// The island has nothing more to do; run() returns when everything it told was heard and, unless
  /// it `leaves`, the coordinator says that the run is over, or cannot be reached any more. On the
  /// loop.
  void end_island(bool leaves);
  /// The coordinator: CatchUp::copy. `done` is called on the loop, once. On the loop, one at a
  /// time.
  void copy_state(const std::vector<IslandId>& donors, std::uint32_t after, std::uint32_t buffers,
                  std::function<void(Outcome<StateCopy>)> done);
  /// The coordinator: tells the islands that the run is over; run() returns when they have gone, or
  /// some seconds later. On the loop.
  void end_run();

  int islands() const { return static_cast<int>(places_.size()); }
  bool running(IslandId island) const { return loop_.running(island); }
  std::uint32_t committed_rounds() const;
  /// Why the coordinator says that the run cannot go on, if it does.
  std::optional<Failure> failure() const;
  const Ledger& ledger() const { return ledger_; }
  Ledger& ledger() { return ledger_; }
  const Trace& trace() const { return trace_; }
  Nanos now() const { return loop_.now(); }
  std::vector<LinkRow> link_table() const { return fabric_->link_table(); }

  /// CPU seconds that the loop's thread spent on event code: transport, emulator, adding.
  double loop_cpu_seconds() const { return loop_cpu_seconds_; }

  /// By the wall clock: how well the run kept to the model's times, if there is a model. After
  /// run().
  std::optional<Pace> pace() const;

  /// The largest lateness of an event since the last call; 0 in virtual time. On the loop, or after
  /// run().
  Nanos take_worst_lateness();

 private:
  struct Place;  // what belongs to one island

  std::unique_ptr<Transport> make_transport(PeerId self, Loop& loop, std::uint64_t incarnation);
  void settle(IslandId island);
  void be_only(const OnePeer& peer);
  void wait_for_news(Nanos until, bool leaves);
  void wait_for_islands(Nanos until);
  void ping_islands();
  void schedule(const NetworkDescription& description);

  WorldOptions options_;
  Storage& journal_;
  Trace trace_;
  Ledger ledger_;
  const std::unique_ptr<IslandLoop> owned_loop_;
  IslandLoop& loop_;
  std::unique_ptr<Fabric> fabric_;
  std::vector<PeerId> peers_;
  std::vector<std::unique_ptr<PausedLoop>> loops_;  // of the islands' machines
  std::vector<std::unique_ptr<Place>> places_;      // null while the island is not there
  std::vector<std::atomic<bool>> leaving_;
  std::vector<char> lost_;              // silent for good
  bool over_ = false;                   // wait_for_nobody()
  std::vector<TimerId> starts_;         // by the description; kNone once they have happened
  std::unique_ptr<Transport> control_;  // the coordinator's
  std::unique_ptr<Coordinator> coordinator_;
  std::uint64_t coordinator_lives_ = 0;
  std::unique_ptr<NewsTeller> teller_;  // where we are only an island
  // Where we are only the coordinator:
  std::unique_ptr<NewsDesk> desk_;
  std::unique_ptr<CatchUp> copier_;
  Scope copies_;
  double loop_cpu_seconds_ = 0;
};

}  // namespace strait
