// ConnectionCount: over how many connections the data for one peer should go, found by trying.
//
// One connection carries a window per round trip; how large that may get, its buffers, the losses
// and the kernels at both ends decide. A path holds its bandwidth-delay product. Where that is
// more, several connections fill it together. Nobody knows either number, but while data waits,
// goodput times round trip is what the connections in use have under way. So:
//
//   * Only time counts in which data waited all the while, and not the first part of it, in which
//     windows open up. What a short burst taught is kept for the next one.
//   * If a period is over and the goodput no longer moves by itself, twice as many are tried; at
//     once, if windows hold up the connections. They stay if the goodput rose. Else four times as
//     many are tried; then the number goes back, and the next try comes later each time, or when
//     the path has clearly changed.
//   * Where a queue stands in the path (the round trip is far above its least), no window holds us
//     up, and data waits for other peers, too, nothing is tried: it would only take from them. Nor
//     on a path shorter than a millisecond, which one connection fills.
//
// Pure: times come with the calls, in order. Values only; any one thread.
#pragma once

#include <cstdint>

#include "core/base/units.h"
#include "core/comm/stream.h"

namespace strait {

class ConnectionCount {
 public:
  /// What is seen of the peer's connections.
  struct Look {
    Nanos now{0};
    int used = 1;              // the first ones of those that there are, wanted() at most
    StreamFigures figures;     // their sum
    bool waited = false;       // data waited for a connection ever since the last look
    bool others_wait = false;  // data for another peer waits as well
  };

  /// `most` connections; a period is `shortest` or ten round trips, whichever is longer.
  explicit ConnectionCount(int most, Nanos shortest = std::chrono::seconds(1));

  void look(const Look& look);
  /// Looks before then say nothing new.
  Nanos next_look() const { return next_look_; }

  int wanted() const { return wanted_; }

  /// The connections are gone; others will come. What was being tried did not work.
  void lost();

 private:
  /// Sums over the time that counts, with the same connections.
  struct Period {
    Nanos time{0};
    Bytes acked = 0;
    Nanos busy{0};
    Nanos held_up{0};
  };

  Nanos period(const StreamFigures& figures) const;
  void begin(const Look& look);
  void judge();
  bool gained(std::int64_t rate, bool moves);
  bool rests(const Period& period, std::int64_t rate);
  void give_up();

  int most_;
  Nanos shortest_;
  int wanted_ = 1;
  int kept_ = 1;  // wanted_ is more while that is tried
  Look last_;
  Nanos next_look_{0};
  Nanos waited_until_{0};  // data did
  Nanos opening_up_{0};    // what of that did not count, since it began
  Period period_;
  std::int64_t before_ = 0;  // bytes/s of the period before with these connections; 0: none
  std::int64_t base_ = 0;    // bytes/s with kept_ connections, before the try

  // After a try that gained nothing.
  Nanos rest_{0};              // no other one for so long
  Nanos patience_;             // the rest after the next one
  std::int64_t usual_ = 0;     // bytes/s by then; 0: no try has failed
  std::int64_t smoothed_ = 0;  // and since
  Nanos usual_rtt_{0};
};

}  // namespace strait
