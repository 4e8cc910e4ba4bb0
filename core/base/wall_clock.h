// The one place that reads the machine's clocks. What it gives is printed and never decides
// anything, but in UvLoop (core/io), which waits by it, and for compute.device = this, which
// becomes a setting before the run.
#pragma once

#include <chrono>
#include <ctime>

#include "core/base/units.h"

namespace strait {

class WallTimer {
 public:
  WallTimer() : start_(std::chrono::steady_clock::now()) {}
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_;
};

/// CLOCK_MONOTONIC, since some moment before the program began.
inline Nanos monotonic_now() {
  return std::chrono::duration_cast<Nanos>(std::chrono::steady_clock::now().time_since_epoch());
}

/// Since 1970, as this machine's clock has it: to tell lives apart that different processes have.
inline Nanos unix_now() {
  return std::chrono::duration_cast<Nanos>(std::chrono::system_clock::now().time_since_epoch());
}

/// The same moment for waiting on a condition variable.
inline std::chrono::steady_clock::time_point steady_moment(Nanos monotonic) {
  return std::chrono::steady_clock::time_point(monotonic);
}

/// CPU seconds of the calling thread since it began.
inline double thread_cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// CPU seconds of the process, all threads.
inline double process_cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

}  // namespace strait
