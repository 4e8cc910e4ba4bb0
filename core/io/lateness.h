// How late things were: a histogram of delays, and what a run has to say about its own pace.
//
// Memory does not grow with the run: 16 buckets per power of two, so a quantile is at most 1/16 too
// large; the maximum is exact. Thread: the owner's.
#pragma once

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "core/base/units.h"

namespace strait {

class Lateness {
 public:
  /// What is early counts as on time.
  void add(Nanos late);
  void add(const Lateness& others);

  std::int64_t count() const { return count_; }
  Nanos max() const { return max_; }

  /// What `fraction` of all (0 to 1) were within; 0 if there were none.
  Nanos quantile(double fraction) const;

 private:
  static constexpr std::size_t kSteps = 16;
  static std::size_t bucket_of(Nanos late);
  static Nanos largest_in(std::size_t bucket);

  std::array<std::int64_t, 60 * kSteps> buckets_{};
  std::int64_t count_ = 0;
  Nanos max_{0};
};

/// What counts as too late.
struct PaceLimits {
  /// An event that runs, or an island that posts, later than this after its time, and work that
  /// takes this much longer than announced, make the run's times worthless: half a path's delay of
  /// the demo.
  Nanos max_lateness = std::chrono::milliseconds(20);
  /// The run ends there (TooLate).
  bool strict = false;
  /// There is no model to keep to: work takes the time that it takes, and nothing is late.
  bool as_it_comes = false;
};

/// Something was later than `max_lateness`, and the run is strict.
class TooLate : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// How well a run kept to the model's times.
struct Pace {
  Lateness alarms;       // of the loop's thread: behind the times it had asked to be woken at
  Lateness events;       // behind their times, whoever was late
  Lateness posts;        // of islands: handed in behind the island's time
  Lateness wake_ups;     // of islands: behind the ends of what they slept for
  Lateness work;         // of islands: behind the announced ends
  std::string priority;  // of the loop's thread: what was got
  Nanos limit{0};        // max_lateness
  std::string invalid;   // the first thing that was later than that; empty: none

  bool valid() const { return invalid.empty(); }
};

}  // namespace strait
