// ChaosNetwork: a network that does to connections what real ones do, when it is told to.
//
// Bytes of a connection arrive in order, each slice after a seeded delay, now and then cut in two.
// Beside that, by call: connections are reset (each end hears of it in its own time), directions
// between two peers are blocked (what is under way, the news of an end included, waits as TCP's
// retransmissions would; dials hang), slices are late, and a hello that was said once arrives
// again, as the first bytes of a connection whose other end is gone. A peer that stands still
// hears what has arrived when its pause ends.
//
// Slices are passed by reference. Every one is counted while somebody holds it: slices_alive() has
// to be 0 when the world is gone, or memory is still lent.
//
// Thread: the loop's, which outlives the network.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "backends/fabric.h"
#include "core/base/rng.h"

namespace strait {

struct ChaosOptions {
  int peers = 1;  // the coordinator included
  std::uint64_t seed = 0;
  Nanos delay_least{1'000'000};
  Nanos delay_most{50'000'000};       // of a pair, drawn once
  Nanos jitter{20'000'000};           // of some of the slices
  Bytes send_buffer = 64 * 1024;      // in one direction, before room() is used up
  std::vector<PauseSchedule> pauses;  // by peer; may be shorter
};

class ChaosNetwork final : public Fabric {
 public:
  using Counter = std::shared_ptr<std::atomic<std::int64_t>>;

  ChaosNetwork(Loop& loop, Trace& trace, ChaosOptions options, Counter slices_alive);
  ~ChaosNetwork() override;

  Network& endpoint(PeerId peer) override;
  PauseSchedule pauses(PeerId peer) const override;

  /// Told each slice as it is offered, before it is under way; calls nothing of the network.
  using Spy = std::function<void(PeerId from, PeerId to, Plane plane, const Slice& slice)>;
  void spy(Spy spy) { spy_ = std::move(spy); }

  // What events may do to it.

  /// Ends connections between the two: all of them, or one that is drawn.
  void reset(PeerId a, PeerId b, bool all);

  /// What `from` says from now on arrives this much later at `to`; 0 ends it.
  void delay(PeerId from, PeerId to, Nanos extra);

  /// Nothing goes through from `from` to `to` until it has been unblocked as often as blocked.
  void block(PeerId from, PeerId to);
  void unblock(PeerId from, PeerId to);

  /// An earlier hello of `from` (the last one, or one that is drawn) arrives at `to` once more, on
  /// a connection that lasts for `lasts`. False if there was none.
  bool say_hello_again(PeerId from, PeerId to, bool last, Nanos lasts);

 private:
  struct Wire;
  struct Parcel;
  class EndStream;
  class Endpoint;
  using Shared = std::shared_ptr<Wire>;

  struct Pair {  // of an ordered pair of peers
    Nanos delay{0};
    Nanos extra{0};
    int blocked = 0;
    std::vector<std::vector<std::byte>> hellos;
  };

  Pair& pair(PeerId from, PeerId to);
  Nanos due(const Wire& wire, std::size_t to);
  Shared connect(PeerId from, PeerId to, Plane plane);
  void offer(const Shared& wire, std::size_t side, Slice slice);
  void destroyed(const Shared& wire, std::size_t side);
  void push(const Shared& wire, std::size_t to, Parcel parcel);
  void arm(const Shared& wire, std::size_t to, Nanos when);
  void drain(const Shared& wire, std::size_t to);
  void deliver(const Shared& wire, std::size_t to, Parcel parcel);
  void connected(const Shared& wire);
  void break_down(const Shared& wire, const Failure& why);
  void forget_dead_wires();
  StreamFigures figures(const Wire& wire, std::size_t side) const;
  Bytes room(const Wire& wire, std::size_t side) const;
  Slice counted(Slice slice) const;
  bool one_in(std::uint64_t n) { return rng_.below(n) == 0; }

  Loop& loop_;
  Trace& trace_;
  ChaosOptions options_;
  Counter alive_slices_;
  Rng rng_;
  std::vector<Pair> pairs_;                 // by from * peers + to
  std::vector<Network::Accept> listeners_;  // by peer
  std::vector<std::unique_ptr<Network>> endpoints_;
  std::vector<Shared> wires_;
  Spy spy_;
  std::shared_ptr<ChaosNetwork*> alive_;  // null once the network is gone
};

}  // namespace strait
