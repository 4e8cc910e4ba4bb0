// PauseSchedule: when a machine stands still (island_pause: a sleeping laptop, a stopped
// container), and when it computes slower or faster than usual (island_speed: a hot phone, another
// tenant).
//
// What arrives during a pause is seen when it ends, and work goes on where it was. Pure functions
// over disjoint intervals [start, end), fixed before the run.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/loop.h"

#include "core/base/units.h"

namespace strait {

struct Pause {
  Nanos start{0};
  Nanos end{0};
};

/// From `start` until the next one; of one time, the last counts. Before the first it is 1.
struct SpeedChange {
  Nanos start{0};
  std::int64_t ppm = 1'000'000;  // times as fast as usual, in parts per million; above 0
};

class PauseSchedule {
 public:
  PauseSchedule() = default;
  /// Pauses in any order; those that overlap or touch become one, empty ones do not count. Speeds
  /// in the order of time.
  explicit PauseSchedule(std::vector<Pause> pauses, std::vector<SpeedChange> speeds = {});

  /// `time`, or the end of the pause that it lies in.
  Nanos resume(Nanos time) const;

  /// When work that takes `cost` while not paused and as fast as usual is done, if it begins at
  /// `start`. Work that is done just as a pause begins is done then.
  Nanos compute_end(Nanos start, Nanos cost) const;

  const std::vector<Pause>& pauses() const { return pauses_; }

 private:
  std::vector<Pause>::const_iterator first_ending_after(Nanos time) const;
  SpeedChange speed_at(Nanos time) const;
  Nanos next_speed_after(Nanos time) const;
  Nanos work_end(Nanos start, Nanos& cost, Nanos limit) const;

  std::vector<Pause> pauses_;
  std::vector<SpeedChange> speeds_;
};

/// The loop as a machine sees it that stands still now and then: what would happen during a pause
/// happens at its end. Both outlive what is put on it.
class PausedLoop final : public Loop {
 public:
  PausedLoop(Loop& loop, PauseSchedule pauses) : loop_(loop), pauses_(std::move(pauses)) {}

  Nanos now() const override { return loop_.now(); }
  void post(Callback f) override {
    const Nanos resume = pauses_.resume(now());
    if (resume == now()) return loop_.post(std::move(f));
    loop_.at(resume, std::move(f));
  }
  TimerId at(Nanos when, Callback f) override {
    return loop_.at(pauses_.resume(std::max(when, now())), std::move(f));
  }
  void cancel(TimerId timer) override { loop_.cancel(timer); }

 private:
  Loop& loop_;
  const PauseSchedule pauses_;
};

}  // namespace strait
