#include "netsim/pause.h"

#include <algorithm>

namespace strait {

PauseSchedule::PauseSchedule(std::vector<Interval> intervals) {
  std::sort(intervals.begin(), intervals.end(),
            [](const Interval& a, const Interval& b) { return a.begin < b.begin; });
  for (const Interval& next : intervals) {
    if (next.end <= next.begin) continue;
    if (!intervals_.empty() && next.begin <= intervals_.back().end) {
      intervals_.back().end = std::max(intervals_.back().end, next.end);
    } else {
      intervals_.push_back(next);
    }
  }
}

Nanos PauseSchedule::resume(Nanos t) const {
  for (const Interval& pause : intervals_) {
    if (t >= pause.begin && t < pause.end) return pause.end;
  }
  return t;
}

Nanos PauseSchedule::compute_end(Nanos start, Nanos cost) const {
  Nanos end = resume(start) + cost;
  for (const Interval& pause : intervals_) {
    if (pause.begin > start && pause.begin < end) end += pause.end - pause.begin;
  }
  return end;
}

}  // namespace strait
