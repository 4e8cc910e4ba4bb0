// timeline.csv: what islands did when, from the event log and from rounds.
#include "apps/experiment/timeline.h"

#include <algorithm>

#include "tests/support/catch.h"

namespace strait {
namespace {

Nanos at(std::int64_t time) { return Nanos{time}; }

IslandReport report(IslandId island, std::int64_t now, std::int64_t waited) {
  IslandReport result{.island = island};
  result.now = at(now);
  result.waited = at(waited);
  return result;
}

/// `steps` inner steps of 10 ns, then 5 of waiting.
void one_round(Timeline& timeline, IslandId island, std::int64_t begin, int steps) {
  for (int i = 0; i < steps; ++i) {
    timeline.record({at(begin + 10 * i), TraceKind::kComputeStart, island, 10});
    timeline.record({at(begin + 10 * i + 10), TraceKind::kIslandWakes, island});
  }
}

TEST_CASE("steps that follow each other are one interval", "[timeline]") {
  Timeline timeline(1, everyone(1));
  timeline.record({at(0), TraceKind::kIslandWakes, 0});
  one_round(timeline, 0, 0, 3);
  one_round(timeline, 0, 35, 2);
  timeline.ended(0, at(55));
  CHECK(timeline.intervals(at(70)) ==
        std::vector<IslandInterval>{{0, IslandState::kCompute, at(0), at(30)},
                                    {0, IslandState::kWait, at(30), at(35)},
                                    {0, IslandState::kCompute, at(35), at(55)}});
}

TEST_CASE("islands that die and come are down and away meanwhile", "[timeline]") {
  Timeline timeline(2, everyone(1));
  timeline.record({at(0), TraceKind::kComputeStart, 0, 50});
  timeline.record({at(20), TraceKind::kIslandJoined, 1});
  timeline.record({at(20), TraceKind::kIslandWakes, 1});
  timeline.record({at(20), TraceKind::kComputeStart, 1, 10});
  timeline.record({at(25), TraceKind::kIslandKilled, 0});
  timeline.record({at(30), TraceKind::kIslandWakes, 1});
  timeline.record({at(32), TraceKind::kIslandLeft, 1});
  timeline.record({at(33), TraceKind::kIslandWakes, 1});
  timeline.ended(1, at(33));
  CHECK(timeline.intervals(at(40)) ==
        std::vector<IslandInterval>{{0, IslandState::kCompute, at(0), at(25)},
                                    {0, IslandState::kDown, at(25), at(40)},
                                    {1, IslandState::kAway, at(0), at(20)},
                                    {1, IslandState::kCompute, at(20), at(30)},
                                    {1, IslandState::kWait, at(30), at(32)},
                                    {1, IslandState::kAway, at(32), at(40)}});
}

TEST_CASE("where the log has no computing rounds say what islands did", "[timeline]") {
  Timeline timeline(1, everyone(1));
  timeline.round_done(report(0, 100, 30));
  timeline.round_done(report(0, 150, 40));
  CHECK(timeline.intervals(at(150)) ==
        std::vector<IslandInterval>{{0, IslandState::kCompute, at(0), at(70)},
                                    {0, IslandState::kWait, at(70), at(100)},
                                    {0, IslandState::kCompute, at(100), at(140)},
                                    {0, IslandState::kWait, at(140), at(150)}});
}

TEST_CASE("a long run keeps its ends and a bounded number of intervals", "[timeline]") {
  constexpr int kIslands = 3, kRounds = 2000;
  constexpr std::size_t kMost = 200;
  Timeline timeline(kIslands, everyone(kIslands), kMost);
  std::int64_t now = 0;
  for (int round = 0; round < kRounds; ++round, now += 15) {
    for (IslandId island = 0; island < kIslands; ++island) one_round(timeline, island, now, 1);
    for (IslandId island = 0; island < kIslands; ++island) {
      timeline.round_done(report(island, now + 15, 5 * (round + 1)));
    }
  }
  const auto intervals = timeline.intervals(at(now));
  CHECK(intervals.size() <= 2 * kMost);
  CHECK(intervals.size() > kMost / 2);
  // Exact at both ends.
  CHECK(intervals[0] == IslandInterval{0, IslandState::kCompute, at(0), at(10)});
  CHECK(intervals[1] == IslandInterval{0, IslandState::kWait, at(10), at(15)});
  CHECK(intervals.back() == IslandInterval{kIslands - 1, IslandState::kWait, at(now - 5), at(now)});
  // Without overlaps or gaps, and with the right sums but for the rounds at the cuts.
  Nanos computed{0};
  for (std::size_t i = 0; i < intervals.size(); ++i) {
    if (intervals[i].state == IslandState::kCompute) {
      computed += intervals[i].end - intervals[i].begin;
    }
    if (i == 0 || intervals[i].island != intervals[i - 1].island) {
      CHECK(intervals[i].begin == at(0));
      continue;
    }
    CHECK(intervals[i].begin == intervals[i - 1].end);
  }
  const double expected = 10.0 * kRounds * kIslands;
  CHECK(static_cast<double>(computed.count()) == Approx(expected).epsilon(0.05));
}

}  // namespace
}  // namespace strait
