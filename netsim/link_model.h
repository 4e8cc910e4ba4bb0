// LinkModel: when do the bytes of many TCP connections leave and arrive, if they share links?
//
// The physics of the emulator, without clock and I/O: someone tells it what is offered and when,
// asks for the time of the next event, and lets it advance. It promises no future at the offer,
// since later offers change it. A fluid model: a flow that sends has a rate, which changes only at
// events (an offer, a mark that has left, a window used up, the end of a round trip, a link that
// changes), so its cost does not depend on the number of packets.
//
//   links        directed; a rate, shared max-min fairly by the flows that are sending
//                (fair_share.h), a one-way delay and a loss. A flow takes its rate on all links of
//                its path at once, and its bytes arrive one path delay after they left. All three
//                may change at any time; a delay counts for bytes that leave from then on, and
//                those of a flow arrive in order even if it falls.
//   connections  two flows. Handshake: bytes of the dialing end leave one round trip after
//   connect()
//                at the earliest; the other end hears of the connection a path delay later.
//   windows      slow start, cap, idle restart (tcp_window.h).
//   outages      (first model) A flow stands still while a link of its path, or of the path of its
//                acknowledgements, is down. What had left arrives; nothing is lost. The flow goes
//                on when a retransmission timer that began with the outage (or with the first offer
//                during it) next fires, from the initial window; timeouts double. SYNs likewise.
//                A connection whose end is silent stands still in the same way.
//   loss         (first model) A lost segment arrives one round trip later than it would have, and
//                once more for each repetition that is lost; what follows in its flow waits for
//                it. So the losses of one round trip cost one round trip together, and one that
//                was repaired before the last byte of an offer arrives costs that offer nothing.
//                When a segment left is known per offer only: as if an offer had left evenly since
//                the one before it. Which are lost: loss.h.
//   not modelled queues in the network, the link time of acknowledgements and of repeated segments,
//                what loss does to the window, timeouts when the last segments are lost, loss of
//                handshakes and resets.
//
// Integers only (nanoseconds, bytes, bytes/s, billionths of a byte while a byte is on its way), so
// every host, compiler and optimization level gives the same times. Cost per event: O(log flows)
// and the flows whose rate may change; measured in tests/bench/netsim_bench.cc.
//
// Thread: none of its own; calls come in the order of time, and not from inside a LinkSink.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "netsim/fair_share.h"
#include "netsim/keyed_heap.h"
#include "netsim/loss.h"
#include "netsim/tcp_flow.h"

namespace strait {

struct LinkOptions {
  BytesPerSecond rate = kUnlimited;
  Nanos delay{0};             // one way
  std::int64_t loss_ppm = 0;  // of segments, parts per million
  std::string name{};         // keys what is random about it
};

/// What one link has carried. Offers count when their last byte has left, or arrived. At every
/// moment payload + header = delivered + lost + in flight; retransmitted bytes come on top.
struct LinkCounters {
  Bytes payload = 0;
  Bytes header = 0;
  Bytes handshake = 0;
  Bytes delivered_payload = 0;
  Bytes delivered_header = 0;
  Bytes lost_payload = 0;  // of connections that were reset
  Bytes lost_header = 0;
  Bytes retransmitted = 0;  // what this link carried again, since it or a later link lost it

  /// What entered the network here, as the first link of its path: over all links each byte once.
  struct Entered {
    Bytes header = 0;
    Bytes handshake = 0;
    Bytes retransmitted = 0;
  } entered;

  Nanos busy{0};  // some flow was sending; a link without limit is never busy
};

/// What comes out of LinkModel::advance, in the order of time.
class LinkSink {
 public:
  virtual ~LinkSink() = default;

  /// The handshake is over, as this flow's sending end sees it.
  virtual void opened(FlowId flow, Nanos time) = 0;
  /// The last byte of an offer has left the sender; `payload` counts from the flow's beginning.
  virtual void departed(FlowId flow, Bytes payload, Nanos time) = 0;
  /// The last byte of an offer is at the receiver; likewise.
  virtual void arrived(FlowId flow, Bytes payload, Nanos time) = 0;
  /// The flow's receiver hears that the sender has reset the connection.
  virtual void closed(FlowId flow, Nanos time) = 0;
};

class LinkModel {
 public:
  struct Connection {
    FlowId forward{};   // from the dialing end
    FlowId backward{};  // to it
  };

  /// Everything random follows from `seed` and names.
  explicit LinkModel(const TcpOptions& tcp = {}, std::uint64_t seed = 1) : tcp_(tcp), seed_(seed) {}

  LinkId add_link(const LinkOptions& options);

  /// Dials along `forward`; acknowledgements and answers come along `backward`. A path without
  /// links (two peers in one place) takes no time and carries no headers. `key` names the
  /// connection for what is random about it: no other has it.
  Connection connect(std::span<const LinkId> forward, std::span<const LinkId> backward, Nanos now,
                     std::uint64_t key = 0);

  /// `payload` more bytes (at least 1) on `flow`. The dialing end may offer before the handshake is
  /// over; the other end once its flow has opened.
  void offer(FlowId flow, Bytes payload, Nanos now);

  /// The sender of `flow` resets the connection: what has not left is dropped, and the receiver
  /// hears closed() after what has left, which is (as payload) the result. The flow has opened.
  Bytes reset(FlowId flow, Nanos now);

  /// Forgets both flows of a connection; what is under way is lost. Their ids may be used again.
  void forget(const Connection& connection, Nanos now);

  /// False before the flow has opened: then there is nothing to reset.
  bool established(FlowId flow) const;

  /// Takes a link down or up. Saying the same twice is an error.
  void set_up(LinkId link, bool up, Nanos now);
  void set_rate(LinkId link, BytesPerSecond rate, Nanos now);
  void set_delay(LinkId link, Nanos delay, Nanos now);
  void set_loss(LinkId link, std::int64_t ppm, Nanos now);

  /// One end of the connection falls silent, or speaks again: one more or one less outage for both
  /// directions.
  void set_silent(const Connection& connection, bool silent, Nanos now);

  /// kNever if nothing will happen without another call.
  Nanos next_event();

  /// Lets everything happen up to and including `now`.
  void advance(Nanos now, LinkSink& sink);

  LinkCounters counters(LinkId link) const;
  /// Left, but neither arrived nor lost: payload + header.
  Bytes in_flight(LinkId link) const;
  std::int64_t events() const { return events_; }
  Nanos now() const { return now_; }
  Nanos path_delay(FlowId flow) const { return state(flow).delay; }

 private:
  enum class Phase : std::uint8_t {
    kFree,
    kDialing,  // a SYN is under way, or waits for its next attempt
    kAwaited,  // the answering end, until the handshake's last ACK
    kOpen,
    kOutage,    // waits for a link and then for a retransmission timer
    kResetting  // sends nothing more
  };

  struct Link {
    std::string name;
    BytesPerSecond rate;
    Nanos delay{0};
    LossOdds loss;
    bool up = true;
    LinkCounters counters;
    Nanos busy_since{0};
    std::vector<FlowId> flows;  // that pass, or whose acknowledgements do; in order
  };

  struct Arrival {
    Nanos time{0};
    Mark mark;
    bool closes = false;
  };

  struct Flow {
    TcpFlow tcp;
    std::array<LinkId, FairShare::kMaxHops> links{};
    std::uint8_t link_count = 0;
    Phase phase = Phase::kFree;
    bool syn_lost = false;   // dialing: this attempt will not be answered
    bool resets = false;     // resetting: closed() is still to be sent
    int outages = 0;         // links of both directions that are down, ends that are silent
    FlowId other{};          // the connection's other direction
    Nanos delay{0};          // of the path
    Nanos outage_start{0};   // also: when the first SYN left
    Nanos leaving_since{0};  // when what leaves next began to leave
    std::uint64_t key = 0;
    std::int64_t untold = 0;           // segments that have left and `loss` has not heard of
    std::int64_t quiet = 0;            // so many of them come through for sure
    std::unique_ptr<FlowLoss> loss{};  // null while no link of the path ever lost anything
    Fifo<Arrival> under_way{};

    std::span<const LinkId> path() const { return {links.data(), link_count}; }
  };

  Flow& state(FlowId flow) { return flows_[index_of(flow)]; }
  const Flow& state(FlowId flow) const { return flows_[index_of(flow)]; }

  static bool passes(std::span<const LinkId> path, LinkId link);
  FlowId add_flow(std::span<const LinkId> path, Nanos rtt);
  std::vector<LinkId> links_of(const Connection& connection) const;
  void move_to(Nanos now);
  void give_rates();
  void on_timer(FlowId flow, LinkSink& sink);
  void on_arrival(FlowId flow, LinkSink& sink);
  void dial(FlowId flow);
  void finish_handshake(FlowId flow, LinkSink& sink);
  void review(FlowId flow, LinkSink& sink);
  void wake(FlowId flow);
  void collect_departed(FlowId flow, LinkSink* sink);
  void set_sending(FlowId flow, bool sending);
  void start_outage(FlowId flow);
  void end_outage(FlowId flow, LinkSink& sink);
  void send_reset(FlowId flow);
  void send(FlowId flow, Arrival arrival);
  Nanos repaired(Flow& flow, const Mark& mark);
  void path_changed(FlowId flow, bool up);
  void set_flow_loss(Flow& flow, LinkId link);
  void set_rtt(FlowId flow);
  void share_anew(LinkId link);
  void count_busy(Link& link, bool was_sending, bool is_sending);
  void count_handshake(std::span<const LinkId> path, Bytes bytes);
  void count_lost(const Flow& flow, const Mark& mark, bool counted);
  void forget(FlowId flow);

  TcpOptions tcp_;
  std::uint64_t seed_;
  Nanos now_{0};
  std::vector<Link> links_;
  std::vector<Flow> flows_;
  std::vector<FlowId> free_;
  FairShare shares_;
  KeyedHeap timers_;    // per flow: the next thing that happens at its sender
  KeyedHeap arrivals_;  // per flow: its first arrival
  std::int64_t events_ = 0;
  bool advancing_ = false;
};

/// The first time at or after `now` at which a timer fires that began at `start` with `timeout` and
/// doubles each time, up to `longest`.
Nanos first_firing(Nanos start, Nanos timeout, Nanos longest, Nanos now);

}  // namespace strait
