#include "core/base/pause.h"

#include <algorithm>

namespace strait {

PauseSchedule::PauseSchedule(std::vector<Pause> pauses) {
  std::sort(pauses.begin(), pauses.end(), [](const Pause& a, const Pause& b) {
    return a.start != b.start ? a.start < b.start : a.end < b.end;
  });
  for (const Pause& pause : pauses) {
    if (pause.end <= pause.start) continue;
    if (pauses_.empty() || pauses_.back().end < pause.start) {
      pauses_.push_back(pause);
    } else {
      pauses_.back().end = std::max(pauses_.back().end, pause.end);
    }
  }
}

std::vector<Pause>::const_iterator PauseSchedule::first_ending_after(Nanos time) const {
  return std::upper_bound(pauses_.begin(), pauses_.end(), time,
                          [](Nanos t, const Pause& pause) { return t < pause.end; });
}

Nanos PauseSchedule::resume(Nanos time) const {
  const auto pause = first_ending_after(time);
  return pause != pauses_.end() && pause->start <= time ? pause->end : time;
}

Nanos PauseSchedule::compute_end(Nanos start, Nanos cost) const {
  Nanos at = resume(start);
  for (auto pause = first_ending_after(at); pause != pauses_.end(); ++pause) {
    if (cost <= pause->start - at) break;
    cost -= pause->start - at;
    at = pause->end;
  }
  return at >= kNever - cost ? kNever : at + cost;
}

}  // namespace strait
