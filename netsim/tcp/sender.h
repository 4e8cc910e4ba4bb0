// Sender: the sending end of one direction of a TCP connection: what is under way, what is lost,
// what may be sent now, and when a timer fires.
//
// Everything is counted in segments, numbered from 0 in the order of the payload. A transmission is
// a run of segments that were sent evenly over a time, for the first time or again. Since the
// network keeps the order, the acknowledgement of a transmission says that all earlier ones that
// have not been acknowledged are lost (RACK, RFC 8985); as long as fewer than three segments have
// followed, only after a quarter of a round trip. Fast recovery with proportional rate reduction
// (RFC 6937), tail loss probes (RFC 8985), retransmission timeouts with back-off (RFC 6298), and
// what Linux does to the window of a flow that pauses or does not use it up.
//
// Pure: the times come with the calls, in order. Thread: none of its own.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "core/base/fifo.h"
#include "netsim/tcp/congestion.h"
#include "netsim/tcp/runs.h"
#include "netsim/tcp_options.h"

namespace strait {

/// Some segments to send, evenly from `first` to `last`.
struct Transmission {
  std::uint64_t number = 0;  // counts the flow's transmissions
  Run segments;
  Nanos first{0};
  Nanos last{0};
  bool again = false;
};

/// What acknowledgements tell of one transmission: `missing` are the places in it (from 0) of the
/// segments that have not arrived, in order.
struct Report {
  std::uint64_t number = 0;
  Run segments;
  std::span<const std::int32_t> missing;
};

/// A time for each of several acknowledgements: evenly from `first` to `last`.
struct Acknowledgements {
  Nanos first{0};
  Nanos last{0};
  std::int64_t count = 0;
  std::int64_t acknowledged = 0;  // all segments before this one have arrived
  std::int64_t window = 0;  // so many more may be under way, if the receiver's window is tuned
};

class Sender {
 public:
  /// `rtt`: of the handshake. `rng`: the flow's own.
  Sender(const TcpOptions& options, Nanos rtt, const Rng& rng, Nanos now);

  /// There are segments up to `end` (which is not there) to send.
  void offer(std::int64_t end, Nanos now);
  std::int64_t offered() const { return offered_; }

  /// The next segment that was never sent.
  std::int64_t next() const { return next_; }
  bool has_unsent() const { return next_ < offered_ || !lost_.empty(); }
  bool all_acknowledged() const { return acknowledged_ == next_; }

  /// Acknowledgements arrive. send() is to follow.
  void acknowledged(const Acknowledgements& acks, std::span<const Report> reports);

  /// What may be sent, evenly from `first` (which is now) to `last`; appended to `out`.
  void send(Nanos first, Nanos last, std::vector<Transmission>& out);

  /// When the next timer fires: to send on at the pace, to declare losses, to probe, to time out.
  Nanos timer() const;
  /// It is that time, or later. send() is to follow.
  void on_timer(Nanos now);

  const Window& window() const { return window_; }
  std::int64_t in_flight() const { return in_flight_; }
  Nanos smoothed_rtt() const { return srtt_; }
  Nanos timeout() const { return rto_; }
  std::int64_t timeouts() const { return timeouts_; }
  std::int64_t sent_again() const { return sent_again_; }
  std::int64_t acknowledged() const { return acknowledged_; }
  /// Segments that have arrived behind one that has not.
  std::int64_t out_of_order() const {
    return std::max<std::int64_t>(0, next_ - acknowledged_ - in_flight_ - lost_.count());
  }
  Nanos shortest_rtt() const { return shortest_rtt_; }

  /// How long, until `now`, something waited to be sent or acknowledged; and how long of that only
  /// the buffers kept the rest from being sent.
  struct Use {
    Nanos busy{0};
    Nanos held_up{0};
  };
  Use use(Nanos now) const;

 private:
  enum class State : std::uint8_t { kOpen, kRecovery, kTimedOut };

  struct Sent {
    Run segments;
    Nanos first{0};
    Nanos last{0};
    bool again = false;
    bool application_limited = false;
    std::int64_t delivered = 0;  // by then
    Nanos delivered_time{0};
    Nanos first_sent{0};
  };

  struct Heard {  // from one call of acknowledged()
    std::int64_t delivered = 0;
    std::int64_t lost = 0;
    bool advanced = false;
  };

  void hear(const Report& report, Heard& heard, AckSample& sample, const Acknowledgements& acks);
  void take_record(const Sent& sent, const Report& report, Heard& heard, AckSample& sample,
                   const Acknowledgements& acks);
  void missing(Run run);
  void need_not_be_sent(const Report& report);
  std::int64_t declare_lost();
  void enter_recovery(Nanos now);
  void reduce_proportionally(std::int64_t delivered, std::int64_t lost, bool advanced);
  void leave_recovery();
  void measure(Nanos rtt, std::int64_t acks);
  void arm(Nanos now);
  void time_out(Nanos now);
  void probe(Nanos now);
  void resume_after_idle(Nanos now);
  void validate_window(Nanos now, bool limited);
  std::int64_t at_hand() const;
  std::int64_t train_limit() const;
  void note_use(Nanos now);
  void emit(Run run, bool again, Nanos first, Nanos last, std::vector<Transmission>& out);

  TcpOptions options_;
  std::int64_t window_cap_;      // segments
  std::int64_t receive_window_;  // likewise, as the receiver said
  std::unique_ptr<Congestion> congestion_;
  Window window_;
  State state_ = State::kOpen;

  std::int64_t offered_ = 0;
  std::int64_t next_ = 0;
  std::int64_t acknowledged_ = 0;
  std::int64_t in_flight_ = 0;
  Fifo<Sent> sent_;
  std::uint64_t first_number_ = 0;  // of sent_
  Runs lost_;                       // to be sent again
  Runs suspects_;                   // followed by too few to be declared lost
  std::int64_t suspected_ = 0;      // transmissions of them
  std::int64_t after_suspects_ = 0;

  // Recovery.
  std::int64_t recovery_end_ = 0;
  std::int64_t before_recovery_ = 0;  // the window
  std::int64_t recovery_delivered_ = 0;
  std::int64_t recovery_sent_ = 0;
  bool retransmit_now_ = false;

  // Round trips and timers.
  Nanos srtt_{0};
  Nanos rtt_variation_{0};
  Nanos shortest_rtt_ = kNever;
  Nanos rto_{0};
  Nanos rto_base_{0};
  Nanos suspect_timer_ = kNever;
  Nanos rto_timer_ = kNever;
  bool probing_ = false;  // rto_timer_ is that of a probe
  bool probe_due_ = false;
  bool probed_ = false;  // this tail
  std::int64_t timeouts_ = 0;
  int backoff_ = 0;

  // Delivery rate.
  std::int64_t delivered_ = 0;
  Nanos delivered_time_{0};
  Nanos first_sent_{0};
  std::int64_t application_limited_ = 0;  // until so many are delivered; 0: not

  // Use of the window.
  bool window_limited_ = false;
  std::int64_t most_in_flight_ = 0;
  std::int64_t usage_end_ = 0;
  std::int64_t window_used_ = 0;
  Nanos used_up_{0};  // when the window last was
  Nanos last_sent_{0};
  Nanos next_paced_{0};
  std::int64_t sent_again_ = 0;

  // Up to used_until_, and since.
  Use use_;
  Nanos used_until_{0};
  bool busy_ = false;
  bool held_up_ = false;
};

}  // namespace strait
