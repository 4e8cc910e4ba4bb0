#include "netsim/tcp/timetable.h"

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <vector>

#include "core/base/rng.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"

namespace strait {
namespace {

/// All entries in a row; the earliest is looked for.
class PlainTimetable {
 public:
  void add(Timetable::Lane lane, Nanos time, Timetable::Train train) {
    entries_.push_back({time, added_++, train, lane});
  }
  bool empty() const { return entries_.empty(); }
  Nanos next_time() const { return empty() ? kNever : entries_[earliest()].time; }
  Timetable::Train take() {
    const std::size_t at = earliest();
    const Timetable::Train train = entries_[at].train;
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(at));
    return train;
  }
  template <class TimeOf>
  void move(Timetable::Lane lane, const TimeOf& time_of) {
    for (Entry& entry : entries_) {
      if (entry.lane == lane) entry.time = time_of(entry.train, entry.time);
    }
  }

 private:
  struct Entry {
    Nanos time{0};
    std::uint64_t order = 0;
    Timetable::Train train = 0;
    Timetable::Lane lane = 0;
  };
  std::size_t earliest() const {
    std::size_t least = 0;
    for (std::size_t i = 1; i < entries_.size(); ++i) {
      const Entry &a = entries_[i], &b = entries_[least];
      if (std::tie(a.time, a.order) < std::tie(b.time, b.order)) least = i;
    }
    return least;
  }
  std::vector<Entry> entries_;
  std::uint64_t added_ = 0;
};

constexpr std::size_t kLanes = 5;

TEST_CASE("a timetable gives the trains in the order of their times, then of adding", "[tcp]") {
  const std::uint64_t seed = test_seed();
  INFO("--rng-seed " << seed);
  Rng rng(seed, "timetable");
  Timetable timetable;
  timetable.set_lanes(kLanes);
  PlainTimetable plain;
  std::vector<Timetable::Lane> lane_of;
  std::vector<Nanos> last(kLanes, Nanos{0});
  Nanos now{0};
  int strays = 0;
  for (int step = 0; step < 20'000; ++step) {
    const std::uint64_t what = rng.below(100);
    if (what < 50) {
      const auto pick = static_cast<Timetable::Lane>(rng.below(kLanes + 1));
      const Timetable::Lane lane = pick == kLanes ? Timetable::kNoLane : pick;
      // Few times, so that many are equal; mostly no earlier than the one before.
      Nanos time = now + Nanos{static_cast<std::int64_t>(rng.below(8))};
      if (lane != Timetable::kNoLane) {
        if (rng.below(10) > 0) time = std::max(time, last[lane]);
        strays += time < last[lane] ? 1 : 0;
        last[lane] = std::max(last[lane], time);
      }
      const auto train = static_cast<Timetable::Train>(lane_of.size());
      lane_of.push_back(lane);
      timetable.add(lane, time, train);
      plain.add(lane, time, train);
    } else if (what < 99) {
      REQUIRE(timetable.next_time() == plain.next_time());
      if (plain.empty()) continue;
      now = plain.next_time();
      REQUIRE(timetable.take() == plain.take());
    } else {
      // As when a link becomes slower or faster: the rest of the way stretches.
      const auto lane = static_cast<Timetable::Lane>(rng.below(kLanes));
      const auto factor = static_cast<std::int64_t>(rng.below(3));
      const auto time_of = [&](Timetable::Train train, Nanos time) {
        return lane_of[train] == lane ? now + factor * (time - now) : time;
      };
      timetable.move(lane, time_of);
      plain.move(lane, time_of);
      last[lane] = now + factor * std::max(Nanos{0}, last[lane] - now);
    }
  }
  CHECK(strays > 100);
}

TEST_CASE("an empty timetable has no next time", "[tcp]") {
  Timetable timetable;
  CHECK(timetable.next_time() == kNever);
  timetable.add(Timetable::kNoLane, Nanos{3}, 7);
  CHECK(timetable.next_time() == Nanos{3});
  CHECK(timetable.take() == 7);
  CHECK(timetable.next_time() == kNever);
}

}  // namespace
}  // namespace strait
