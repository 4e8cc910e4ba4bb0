// EmulatedNetwork: core/comm's Network and Stream over the link model, on any Loop.
//
// Slices are passed on by reference, what was offered as one whole at the time at which its last
// byte arrives.
// Each peer has a place; between places there are their access links, within one there is nothing
// (no delay, no limit, no headers). What arrives at a paused island is handed over when the pause
// ends. Every offer, departure, arrival and event of the description goes to the trace, and outages
// that were drawn; what link traces change does not.
//
// Thread: the loop's. The loop outlives the network, the trace outlives network and streams. A
// stream that outlives the network is dead and hears nothing more.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/loop.h"
#include "core/base/pause.h"
#include "core/base/trace.h"
#include "core/comm/stream.h"
#include "netsim/description.h"
#include "netsim/links.h"

namespace strait {

struct EmulatedOptions {
  TcpOptions tcp;

  /// Room of each link's queue, in bandwidth-delay products (of its longest round trip); at least
  /// 64 packets.
  double queue = 1;

  /// A stream would like to hold this much that has not left yet (Stream::room), as a socket with
  /// TCP_NOTSENT_LOWAT. What it holds cannot be taken back when a round is aborted, and the retry
  /// waits for it; two frames of the transport keep a link as busy as more would.
  Bytes send_buffer = 512 << 10;
};

/// The links of a description as the model gets them: with the room of their queues.
std::vector<LinkOptions> link_options(const NetworkDescription& description,
                                      const EmulatedOptions& options);

/// What one physical link has carried so far.
struct LinkRow {
  std::string name;
  LinkCounters counters;
  Bytes in_flight = 0;               // left, but neither arrived nor lost: payload and headers
  BytesPerSecond rate = kUnlimited;  // as configured, without its events and trace
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

  /// The peer's process dies: it resets all its connections at once, its streams are dead, and who
  /// dials it is refused until it listens again. Other ends hear closed() as of any reset: after
  /// what has left, one path delay later, or after the outage. On the loop.
  void kill(PeerId peer);

  /// From now to `until` (kNever: for good) nothing passes from the peer or to it, and nobody is
  /// told: what is sent waits as in an outage, and what was already on its way is handed over when
  /// the silence ends. On the loop.
  void silence(PeerId peer, Nanos until);

  /// A row per link of the description, as of the model's last event.
  std::vector<LinkRow> link_table() const;

  const Links& model() const;

 private:
  std::shared_ptr<EmulatedCore> core_;
  std::vector<std::unique_ptr<Network>> endpoints_;  // by peer
};

/// The rows as links.csv of a run folder, header line included.
std::string to_csv(const std::vector<LinkRow>& rows);

}  // namespace strait
