#include "netsim/tcp/runs.h"

#include <set>

#include "core/base/rng.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"

namespace strait {
namespace {

/// All segments, which are taken out of a copy run by run. The runs may not touch.
std::set<std::int64_t> segments_of(Runs runs) {
  std::set<std::int64_t> all;
  std::int64_t last_end = -1;
  while (!runs.empty()) {
    const Run run = runs.front();
    CHECK(run.count() > 0);
    CHECK(run.first > last_end);
    last_end = run.end;
    for (std::int64_t s = run.first; s < run.end; ++s) all.insert(s);
    const Run taken = runs.take_front(run.count());
    CHECK(taken.first == run.first);
    CHECK(taken.end == run.end);
  }
  return all;
}

using Set = std::set<std::int64_t>;

TEST_CASE("runs that overlap or touch become one", "[tcp]") {
  Runs runs;
  runs.add({10, 12});
  runs.add({20, 22});
  runs.add({30, 32});
  CHECK(runs.count() == 6);
  runs.add({12, 13});  // touches from behind
  CHECK(runs.front().end == 13);
  runs.add({8, 10});  // touches from before
  CHECK(runs.front().first == 8);
  runs.add({12, 31});  // reaches over two
  CHECK(runs.front().first == 8);
  CHECK(runs.front().end == 32);
  CHECK(runs.count() == 24);
  runs.add({9, 20});  // is there already
  runs.add({15, 15});
  CHECK(runs.count() == 24);
}

TEST_CASE("a run is taken out of the middle, the ends and over gaps", "[tcp]") {
  Runs runs;
  runs.add({0, 10});
  runs.add({20, 30});
  runs.remove({4, 6});
  CHECK(segments_of(runs) == Set{0, 1, 2, 3, 6, 7, 8, 9, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29});
  runs.remove({8, 25});
  CHECK(segments_of(runs) == Set{0, 1, 2, 3, 6, 7, 25, 26, 27, 28, 29});
  runs.remove({10, 20});
  runs.remove({-5, 1});
  runs.remove({29, 50});
  CHECK(segments_of(runs) == Set{1, 2, 3, 6, 7, 25, 26, 27, 28});
  runs.remove({0, 100});
  CHECK(runs.empty());
}

TEST_CASE("the first run is taken piece by piece", "[tcp]") {
  Runs runs;
  runs.add({5, 10});
  runs.add({12, 13});
  CHECK(runs.take_front(2).end == 7);
  CHECK(runs.front().first == 7);
  CHECK(runs.take_front(9).count() == 3);  // no more than the run has
  CHECK(runs.take_front(9).first == 12);
  CHECK(runs.empty());
  CHECK(runs.count() == 0);
  runs.add({1, 2});  // behind or before what was taken, all the same
  CHECK(runs.front().first == 1);
}

TEST_CASE("runs hold the same segments as a set, whatever is added and taken", "[tcp]") {
  const std::uint64_t seed = test_seed();
  for (std::uint64_t round = 0; round < 100; ++round) {
    INFO("--rng-seed " << seed << ", round " << round);
    Rng rng(seed, "runs", round);
    Runs runs;
    Set expected;
    // Some rounds wander upwards as a connection does, so that hundreds of runs are taken from the
    // front; others stay where they are and overlap.
    const bool wanders = round % 2 == 0;
    const std::uint64_t most_length = 1 + rng.below(12);
    std::int64_t base = 0;
    for (int step = 0; step < 600; ++step) {
      const auto first = base + static_cast<std::int64_t>(rng.below(60));
      const Run run{first, first + static_cast<std::int64_t>(rng.below(most_length + 1))};
      if (wanders) base += static_cast<std::int64_t>(rng.below(6));
      switch (rng.below(wanders && step < 400 ? 12 : 4)) {
        case 0:
          runs.remove(run);
          for (std::int64_t s = run.first; s < run.end; ++s) expected.erase(s);
          break;
        case 1: {
          if (expected.empty()) break;
          const auto most = static_cast<std::int64_t>(1 + rng.below(8));
          const Run taken = runs.take_front(most);
          CHECK(taken.count() >= 1);
          CHECK(taken.count() <= most);
          for (std::int64_t s = taken.first; s < taken.end; ++s) {
            CHECK(*expected.begin() == s);
            expected.erase(expected.begin());
          }
          // Less than what was asked for is the whole run.
          if (taken.count() < most) CHECK(expected.count(taken.end) == 0);
          break;
        }
        default:
          runs.add(run);
          for (std::int64_t s = run.first; s < run.end; ++s) expected.insert(s);
      }
      REQUIRE(runs.count() == static_cast<std::int64_t>(expected.size()));
      REQUIRE(runs.empty() == expected.empty());
      if (!expected.empty()) REQUIRE(runs.front().first == *expected.begin());
      if (step % 20 == 0) REQUIRE(segments_of(runs) == expected);
    }
    REQUIRE(segments_of(runs) == expected);
    runs.clear();
    CHECK(runs.empty());
  }
}

TEST_CASE("thousands of runs are taken from the front while others are added", "[tcp]") {
  Runs runs;
  std::int64_t taken = 0;
  for (std::int64_t i = 0; i < 10'000; ++i) {
    runs.add({3 * i, 3 * i + 2});
    if (i < 200) continue;  // so many stand in the queue
    CHECK(runs.front().first == 3 * taken);
    CHECK(runs.take_front(2).count() == 2);
    ++taken;
    CHECK(runs.count() == 2 * (i + 1 - taken));
  }
  // In the middle, after many were dropped.
  runs.remove({3 * 9'900, 3 * 9'901});
  runs.add({3 * 9'902 + 2, 3 * 9'903});
  CHECK(runs.count() == 2 * 200 - 2 + 1);
}

}  // namespace
}  // namespace strait
