#include "core/base/pause.h"

#include <algorithm>

#include "core/base/wide.h"

namespace strait {

PauseSchedule::PauseSchedule(std::vector<Pause> pauses, std::vector<SpeedChange> speeds)
    : speeds_(std::move(speeds)) {
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

SpeedChange PauseSchedule::speed_at(Nanos time) const {
  const auto next =
      std::upper_bound(speeds_.begin(), speeds_.end(), time,
                       [](Nanos t, const SpeedChange& speed) { return t < speed.start; });
  return next == speeds_.begin() ? SpeedChange{} : next[-1];
}

Nanos PauseSchedule::next_speed_after(Nanos time) const {
  const auto next =
      std::upper_bound(speeds_.begin(), speeds_.end(), time,
                       [](Nanos t, const SpeedChange& speed) { return t < speed.start; });
  return next == speeds_.end() ? kNever : next->start;
}

/// Works from `start` to `limit` without a pause, and takes what is done from `cost`; earlier if
/// all of it is done. Returns when it stopped.
Nanos PauseSchedule::work_end(Nanos start, Nanos& cost, Nanos limit) const {
  constexpr Wide kMillion = 1'000'000;
  for (Nanos at = start; at < limit;) {
    const std::int64_t ppm = speed_at(at).ppm;
    const Nanos until = std::min(limit, next_speed_after(at));
    const Wide takes = (static_cast<Wide>(cost.count()) * kMillion + ppm - 1) / ppm;
    if (takes <= (until - at).count()) {
      cost = Nanos{0};
      return at + Nanos{static_cast<std::int64_t>(takes)};
    }
    const Wide done = static_cast<Wide>((until - at).count()) * ppm / kMillion;
    cost -= Nanos{static_cast<std::int64_t>(done)};
    at = until;
  }
  return limit;
}

Nanos PauseSchedule::compute_end(Nanos start, Nanos cost) const {
  Nanos at = resume(start);
  for (auto pause = first_ending_after(at); pause != pauses_.end() && cost > Nanos{0}; ++pause) {
    const Nanos stops = work_end(at, cost, pause->start);
    if (cost == Nanos{0}) return stops;
    at = pause->end;
  }
  return work_end(at, cost, kNever);
}

}  // namespace strait
