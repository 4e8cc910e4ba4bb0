// Runs: a set of segment numbers, kept as sorted runs that do not touch.
//
// What a receiver has beyond its first gap, and what a sender has to send again. Runs are added at
// the back and taken from the front nearly always, and both cost O(1) then; in the middle a run
// costs what lies behind it. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace strait {

/// Segments `first` up to `end`, which is not one of them.
struct Run {
  std::int64_t first = 0;
  std::int64_t end = 0;

  std::int64_t count() const { return end - first; }
};

class Runs {
 public:
  bool empty() const { return count_ == 0; }
  /// Segments in the set.
  std::int64_t count() const { return count_; }
  const Run& front() const { return runs_[head_]; }

  /// Adds a run; what of it is there already stays.
  void add(Run run);

  /// Takes a run out, as far as it is there.
  void remove(Run run);

  /// Takes up to `most` segments (at least 1) of the first run out. The set is not empty.
  Run take_front(std::int64_t most);

  void clear();

 private:
  std::size_t first_reaching(std::int64_t segment) const;
  void drop_head();

  std::vector<Run> runs_;
  std::size_t head_ = 0;  // those before it were taken
  std::int64_t count_ = 0;
};

}  // namespace strait
