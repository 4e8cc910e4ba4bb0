// RaisedPriority: the calling thread runs before the others of this machine while it lives.
//
// Beside threads that compute, a loop at the usual priority wakes milliseconds late (p99 of 6 to 14
// ms were measured; 0.1 ms with SCHED_FIFO). Threads that are made meanwhile do not inherit it.
// Thread: made and destroyed on the same one. No errors: what was not granted is said.
#pragma once

#include <string>

namespace strait {

class RaisedPriority {
 public:
  /// `priority`: among the threads that have one, from 1 (the lowest) to 99.
  explicit RaisedPriority(int priority = 1);
  ~RaisedPriority();
  RaisedPriority(const RaisedPriority&) = delete;
  RaisedPriority& operator=(const RaisedPriority&) = delete;

  /// "SCHED_FIFO 1" (or what was asked for), "nice -10", or "none, ..." with how to get it.
  const std::string& got() const { return got_; }

 private:
  // Before:
  int policy_ = 0;
  int priority_ = 0;
  int nice_ = 0;

  std::string got_;
};

}  // namespace strait
