// HyStart: leaves slow start before the queue overflows (Ha and Rhee, "Taming the elephants: new
// TCP slow start", 2011), with the constants of Linux. Two signs, looked for in every round trip,
// from a window of 16 segments on: acknowledgements that follow one another closely take longer
// than half of the shortest round trip; or the shortest of the first eight round trips measured is
// longer than the shortest ever by an eighth (4 to 16 ms).
//
// The acknowledgements of a train are looked at one by one, since a round may end within it: slow
// start is short.
#pragma once

#include "netsim/tcp/congestion.h"

namespace strait {

class HyStart {
 public:
  /// How many of the sample's segments count for slow start: all, or those up to the one after
  /// which it is time to leave; left() tells which. `window` before the sample.
  std::int64_t counted(std::int64_t window, const AckSample& sample);

  bool left() const { return left_; }

  Nanos shortest() const { return shortest_; }

  void restart() { *this = HyStart{}; }

 private:
  struct Ack {
    Nanos time{0};
    Nanos rtt{0};
    std::int64_t acknowledged = 0;
    std::int64_t next = 0;
  };

  void follow(const Ack& ack);
  bool leaves(const Ack& ack);

  Nanos shortest_ = kNever;
  Nanos round_start_{0};
  Nanos last_close_{0};  // the last acknowledgement that followed closely
  std::int64_t round_end_ = 0;
  Nanos round_shortest_ = kNever;
  int measured_ = 0;
  bool left_ = false;  // by the last sample
};

}  // namespace strait
