// IdealLinks: connections that share links as if TCP were ideal, which is what the papers' sizes
// and bandwidths assume.
//
// A fluid model: a flow that sends has a rate, which changes only at events (an offer, a mark that
// has left, a window used up, the end of a round trip, a link that changes), so its cost does not
// depend on the number of packets.
//
//   links        shared max-min fairly by the flows that are sending (fair_share.h). A flow takes
//                its rate on all links of its path at once, and its bytes arrive one path delay
//                after they left.
//   connections  Handshake: bytes of the dialing end leave one round trip after connect() at the
//                earliest; the other end hears of the connection a path delay later.
//   windows      only the cap: so much per round trip (tcp_window.h).
//   outages      A flow stands still while a link of its path, or of the path of its
//                acknowledgements, is down. What had left arrives; nothing is lost. The flow goes
//                on when a retransmission timer that began with the outage (or with the first offer
//                during it) next fires; timeouts double. SYNs likewise. A connection whose end is
//                silent stands still in the same way.
//   loss         A lost segment arrives one round trip later than it would have, and once more for
//                each repetition that is lost; what follows in its flow waits for it. Which are
//                lost: loss.h. When a segment left is known per offer only: as if an offer had left
//                evenly since the one before it.
//   not there    queues, the link time of acknowledgements and of repeated segments.
//
// Cost per event: O(log flows) and the flows whose rate may change; measured in
// tests/bench/netsim_bench.cc.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "netsim/fair_share.h"
#include "netsim/jitter.h"
#include "netsim/keyed_heap.h"
#include "netsim/links.h"
#include "netsim/loss.h"
#include "netsim/tcp_flow.h"

namespace strait {

class IdealLinks : public Links {
 public:
  /// Everything random follows from `seed` and names.
  explicit IdealLinks(const TcpOptions& tcp = {}, std::uint64_t seed = 1)
      : tcp_(tcp), seed_(seed) {}

  LinkId add_link(const LinkOptions& options) override;
  Connection connect(std::span<const LinkId> forward, std::span<const LinkId> backward, Nanos now,
                     std::uint64_t key = 0, Whose whose = Whose::kPeers) override;
  void offer(FlowId flow, Bytes payload, Nanos now) override;
  Bytes reset(FlowId flow, Nanos now) override;
  void forget(const Connection& connection, Nanos now) override;
  bool established(FlowId flow) const override;
  void set_up(LinkId link, bool up, Nanos now) override;
  void set_rate(LinkId link, BytesPerSecond rate, Nanos now) override;
  void set_delay(LinkId link, Nanos delay, Nanos now) override;
  void set_loss(LinkId link, std::int64_t ppm, Nanos now) override;
  void set_silent(const Connection& connection, bool silent, Nanos now) override;
  Nanos next_event() override;
  void advance(Nanos now, LinkSink& sink) override;
  std::optional<StreamFigures> figures(FlowId, Nanos) const override { return std::nullopt; }
  LinkCounters counters(LinkId link) const override;
  Bytes in_flight(LinkId link) const override;
  std::int64_t events() const override { return events_; }
  Nanos now() const override { return now_; }
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
    Jitter jitter;
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
    std::array<LinkId, kMaxHops> links{};
    std::uint8_t link_count = 0;
    Phase phase = Phase::kFree;
    bool syn_lost = false;  // dialing: this attempt will not be answered
    bool resets = false;    // resetting: closed() is still to be sent
    Whose whose = Whose::kPeers;
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
  void count_handshake(const Flow& flow, Bytes bytes);
  void count_departed(const Flow& flow, const Mark& mark);
  Nanos arrives_now(const Flow& flow);
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
