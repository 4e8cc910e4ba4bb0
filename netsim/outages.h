// When links with outages go down and up by turns. Random ones: exponential times of both kinds, as
// an alternating renewal process, drawn one after the other, without end, from a generator of its
// own, so what one link does changes no draw of another. Regular ones (flapping): always the same.
//
// Integers only: the logarithm of a draw is worked out bit by bit, so every host and compiler gives
// the same times.
#pragma once

#include "core/base/rng.h"
#include "netsim/description.h"

namespace strait {

/// An exponentially distributed time with this mean (to about 1e-9 of it), rounded to the
/// nanosecond. At most 45 means.
Nanos draw_exponential(Rng& rng, Nanos mean);

class OutageGenerator {
 public:
  /// No state of an outage, up or down, is shorter: a timer, not a glitch.
  static constexpr Nanos kShortest{1'000'000};

  struct Toggle {
    Nanos time{0};
    bool up = false;
  };

  OutageGenerator(std::uint64_t seed, const LinkOutages& outages);

  /// The first goes down, then they alternate. kNever if the time is too far to be counted.
  Toggle next();

 private:
  Rng rng_;
  Nanos mean_up_;
  Nanos mean_down_;
  Nanos time_;
  bool regular_;
  bool up_ = true;
};

}  // namespace strait
