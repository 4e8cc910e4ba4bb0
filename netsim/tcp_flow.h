// TcpFlow: one direction of a TCP connection: what it still has to send, how far it is, and when
// the next thing happens to it at its present rate.
//
// Offered bytes are cut into segments; each segment's header goes first and takes link time like
// payload. What is offered while earlier bytes still wait fills up their last segment, what is
// offered to an idle flow starts a new one. Each offer leaves a mark at its last byte, and the flow
// says exactly when that has left.
//
// Positions are wire bytes since the connection began. Pure: rate and time come from outside.
#pragma once

#include <optional>

#include "core/base/fifo.h"
#include "netsim/tcp_window.h"

namespace strait {

/// The last byte of an offer, and how much that offer was.
struct Mark {
  Bytes payload_end = 0;  // payload bytes of the flow up to here
  Bytes wire_end = 0;     // position up to here
  Bytes payload = 0;      // of this offer
  Bytes header = 0;
  std::int64_t segments = 0;  // that this offer began
};

class TcpFlow {
 public:
  /// `header` per segment: 0 where the flow passes no link.
  TcpFlow(const TcpOptions& options, Bytes header, Nanos rtt)
      : window_(options, header, rtt), mss_(options.mss), header_(header) {}

  void offer(Bytes payload);
  bool has_backlog() const { return sent_ < end_; }

  /// The window is used up: nothing leaves before round_end().
  bool blocked() const { return sent_ >= window_.end(); }
  Nanos round_end() const { return window_.round_end(); }
  Nanos rto() const { return window_.rto(); }
  Bytes window() const { return window_.size(); }

  /// The flow starts to send at `now`: new data after idleness, or a new round after a blocked one.
  void begin(Nanos now);
  /// The same after a retransmission timeout.
  void begin_after_timeout(Nanos now);

  /// Another round trip from `now` on. A round that would be over by now ends now.
  void set_rtt(Nanos rtt, Nanos now);

  /// The rate from `now` on; settle(now) comes first. 0 while the flow does not send.
  void set_rate(BytesPerSecond rate, Nanos now);
  BytesPerSecond rate() const { return rate_; }

  /// Sends at the present rate until `now`.
  void settle(Nanos now);

  /// When, at the present rate, the next mark leaves or the window is used up. Needs a backlog.
  Nanos next_change() const;

  /// The next mark that has left by now.
  std::optional<Mark> take_departed();

  /// Payload up to the last mark taken.
  Bytes departed() const { return departed_; }

  /// Gives up what has not left. Returns what of the front mark had left (as if header and payload
  /// were mixed evenly).
  Mark drop_backlog();

 private:
  void progress(Nanos until, Bytes limit);
  Nanos time_of(Bytes position) const;

  TcpWindow window_;
  Bytes mss_;
  Bytes header_;
  Fifo<Mark> marks_;  // not yet departed
  Bytes departed_ = 0;
  Bytes payload_end_ = 0;      // payload ever offered
  Bytes tail_room_ = 0;        // payload that the last segment still takes
  Bytes end_ = 0;              // position after the backlog
  Bytes sent_ = 0;             // position, whole bytes
  std::int64_t fraction_ = 0;  // and billionths of a byte
  BytesPerSecond rate_{0};
  Nanos updated_{0};
};

}  // namespace strait
