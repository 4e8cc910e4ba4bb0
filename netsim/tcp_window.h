// TcpWindow: how much one flow may have under way, round trip by round trip, if only its buffers
// limit it.
//
// A round starts with the first byte that is sent after the previous round's end and lasts one RTT:
// then the acknowledgements of its first bytes are back, and those of the others follow at the pace
// at which the bytes were sent. So a flow may send one window per round at whatever rate the links
// give it, and waits for the rest of the round when that is used up.
//
// Counts wire bytes (headers included) of the flow's own position. Pure; no clock.
#pragma once

#include "core/base/units.h"
#include "netsim/tcp_options.h"

namespace strait {

class TcpWindow {
 public:
  /// `header` is what this flow's segments carry on its links (0 where it passes none).
  TcpWindow(const TcpOptions& options, Bytes header, Nanos rtt);

  Nanos rto() const { return rto_; }

  /// No window at all: acknowledgements come back in the instant of sending.
  bool unlimited() const { return rtt_ == Nanos{0}; }

  Bytes size() const { return size_; }
  Nanos round_end() const { return unlimited() ? kNever : round_start_ + rtt_; }

  /// The position up to which this round may send.
  Bytes end() const { return unlimited() ? kUnlimited.value : round_base_ + size_; }

  /// True if `rate` never uses up the window before the acknowledgements come.
  bool carries(BytesPerSecond rate) const;

  /// The round that ended at or before `time` ends with `sent` as position, and one starts at
  /// `time`.
  void next_round(Bytes sent, Nanos time);

  /// The start of the round that `time` lies in, if rounds follow one another.
  Nanos start_of_round_at(Nanos time) const;

  /// True if this round has not sent anything.
  bool untouched(Bytes sent) const { return sent == round_base_; }

  /// Another round trip. A round that would be over by now ends now.
  void set_rtt(Nanos rtt, Bytes sent, Nanos now);

 private:
  Nanos rtt_;
  Nanos rto_;
  Bytes size_;
  Nanos round_start_{0};
  Bytes round_base_ = 0;  // position at the start of the round
};

}  // namespace strait
