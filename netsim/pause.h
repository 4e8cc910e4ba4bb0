// PauseSchedule: when an island stands still (its machine is suspended, its process stopped).
//
// A pure function of the events file, so that nobody has to be interrupted: whoever wants to know
// when something of a paused island ends asks here.
#pragma once

#include <vector>

#include "core/base/units.h"

namespace strait {

class PauseSchedule {
 public:
  struct Interval {
    Nanos begin{0};
    Nanos end{0};  // exclusive
  };

  PauseSchedule() = default;
  /// Overlapping and touching intervals become one; empty ones vanish.
  explicit PauseSchedule(std::vector<Interval> intervals);

  /// `t`, or the end of the pause that holds it.
  Nanos resume(Nanos t) const;

  /// When work of `cost` that is begun at `start` is done: it rests during pauses.
  Nanos compute_end(Nanos start, Nanos cost) const;

  const std::vector<Interval>& intervals() const { return intervals_; }

 private:
  std::vector<Interval> intervals_;  // sorted, disjoint
};

}  // namespace strait
