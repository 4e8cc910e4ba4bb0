// Timeline: what each island of an arm did when, for timeline.csv.
//
// In virtual time it is exact, from the event log: intervals that touch and are alike are one. An
// arm with more than kMost of them keeps the first and the last ones exactly; of what lies between
// stands one interval of computing and one of waiting per round and island. By the wall clock,
// where the log has no computing, that is so of the whole arm.
//
// Thread: the loop's.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "apps/experiment/board.h"
#include "core/base/trace.h"

namespace strait {

enum class IslandState {
  kCompute,
  kWait,  // for others, or for bytes
  kDown,  // killed
  kAway,  // not there yet, or has left
};

std::string_view name_of(IslandState state);

struct IslandInterval {
  IslandId island = 0;
  IslandState state{};
  Nanos begin{0};
  Nanos end{0};

  bool operator==(const IslandInterval&) const = default;
};

class Timeline {
 public:
  /// `most` intervals are kept exactly; beyond that, `most` / 10 at each end.
  Timeline(int islands, const Roster& starters, std::size_t most = 50'000);

  void record(const TraceRecord& record);
  void round_done(const IslandReport& report);

  /// The island does nothing more in this life.
  void ended(IslandId island, Nanos now);

  /// After the run: by island and time; they do not overlap.
  std::vector<IslandInterval> intervals(Nanos end) const;

 private:
  /// So many rounds of an island: it computed until `computed` and waited until `end`, in sum.
  struct Stretch {
    Nanos begin{0}, computed{0}, end{0};
    int rounds = 0;
  };

  struct Place {
    std::optional<IslandState> state;
    Nanos begin{0};                      // of the state
    std::optional<IslandInterval> last;  // that has ended, but may go on with the next state
    std::vector<Stretch> stretches;
    Nanos reported{0};  // when its last round was over
    Nanos waited{0};    // until then, in this life
  };

  void change(IslandId island, std::optional<IslandState> state, Nanos now);
  void keep(const IslandInterval& interval);
  void halve();
  std::vector<IslandInterval> exact(IslandId island, Nanos end) const;
  std::vector<IslandInterval> by_rounds(IslandId island) const;

  const std::size_t most_;
  std::vector<Place> places_;
  bool is_exact_ = false;             // the log has computing
  std::vector<IslandInterval> head_;  // all, until there are too many
  std::deque<IslandInterval> tail_;
  bool overflown_ = false;
  int rounds_per_stretch_ = 1;
  std::size_t stretches_ = 0;
};

/// A line of timeline.csv per interval: arm,island,kind,begin_ns,end_ns.
std::string timeline_lines(const std::string& arm, const std::vector<IslandInterval>& intervals);

}  // namespace strait
