// EmulatedNetwork: core/comm's Network and Stream over the link model, on any Loop.
//
// Slices are passed on by reference, each one whole at the time at which its last byte arrives.
// Each peer has a place; between places there are their access links, within one there is nothing
// (no delay, no limit, no headers). What arrives at a paused island is handed over when the pause
// ends. Every offer, departure, arrival and link event goes to the trace.
//
// Thread: the loop's. The loop outlives the network, the trace outlives network and streams. A
// stream that outlives the network is dead and hears nothing more.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/loop.h"
#include "core/base/trace.h"
#include "core/comm/stream.h"
#include "netsim/description.h"
#include "netsim/link_model.h"
#include "netsim/pause.h"

namespace strait {

struct EmulatedOptions {
  TcpOptions tcp;

  /// A stream would like to hold this much that has not left yet (Stream::room). Linux's default
  /// maximum of a socket's send buffer.
  Bytes send_buffer = 4 << 20;
};

/// One direction of a place's access link.
struct LinkRow {
  int place = 0;
  bool up = true;
  LinkCounters counters;
};

class EmulatedCore;

class EmulatedNetwork {
 public:
  EmulatedNetwork(Loop& loop, Trace& trace, const NetworkDescription& description,
                  const EmulatedOptions& options = {});
  ~EmulatedNetwork();
  EmulatedNetwork(const EmulatedNetwork&) = delete;
  EmulatedNetwork& operator=(const EmulatedNetwork&) = delete;

  /// One peer's view. Lives as long as this object.
  Network& endpoint(PeerId peer);

  /// The pauses of the peer's island; the coordinator has none.
  const PauseSchedule& pauses(PeerId peer) const;

  /// Two rows per place, as of the model's last event.
  std::vector<LinkRow> link_table() const;

  const LinkModel& model() const;

 private:
  std::shared_ptr<EmulatedCore> core_;
  std::vector<std::unique_ptr<Network>> endpoints_;  // by peer
};

/// The rows as links.csv of a run folder, header line included.
std::string to_csv(const std::vector<LinkRow>& rows);

}  // namespace strait
