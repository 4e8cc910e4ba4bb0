#include "netsim/tcp/receiver.h"

#include <set>
#include <vector>

#include "core/base/rng.h"
#include "tests/sim/model_world.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"

namespace strait {
namespace {

/// So many segments in order, the first of them at `now`.
std::int64_t in_order(Receiver& receiver, std::int64_t count, Nanos now) {
  const std::int64_t first = receiver.next();
  const std::int64_t acks = receiver.arrived({first, first + count}, {}, now).count;
  CHECK(receiver.next() == first + count);
  return acks;
}

/// All before the first round trip is over, so the window never opens up beyond its beginning.
TEST_CASE("the first 16 segments are acknowledged each, then every second", "[tcp]") {
  Receiver receiver(ms(100));
  CHECK(in_order(receiver, 10, ms(1)) == 10);
  CHECK(in_order(receiver, 10, ms(2)) == 6 + 4 / 2);
  CHECK(in_order(receiver, 10, ms(3)) == 5);
  CHECK_FALSE(receiver.owes());
  CHECK(in_order(receiver, 1, ms(4)) == 0);
  CHECK(receiver.owes());
  CHECK(in_order(receiver, 1, ms(5)) == 1);
  CHECK_FALSE(receiver.owes());
  CHECK(in_order(receiver, 5, ms(6)) == 2);
  CHECK(receiver.owes());
  CHECK(in_order(receiver, 4, ms(7)) == 2);
  receiver.acknowledge();  // the timer
  CHECK_FALSE(receiver.owes());
  CHECK(in_order(receiver, 1, ms(8)) == 0);
}

TEST_CASE("of a pair the second segment is acknowledged, else each at once", "[tcp]") {
  Receiver receiver(ms(100));
  CHECK(receiver.arrived({0, 12}, {}, ms(1)).first == 0);
  CHECK(receiver.arrived({12, 20}, {}, ms(2)).first == 0);  // four more are acknowledged each
  CHECK(receiver.arrived({20, 23}, {}, ms(3)).first == 1);
  CHECK(receiver.owes());
  CHECK(receiver.arrived({23, 28}, {}, ms(4)).first == 0);  // the one that waited has its second
  const std::vector<std::int32_t> missing{1};
  CHECK(receiver.arrived({28, 32}, missing, ms(5)).first == 0);
}

// The window's limit is twice what arrived in a round trip and 16 segments, and twice as much again
// as the growth since the round trip before. It opens by two segments per segment, and those
// segments are acknowledged each. In the beginning 45 are open, and 56 the limit.
TEST_CASE("each segment is acknowledged while the window opens up", "[tcp]") {
  Receiver receiver(ms(100));
  CHECK(in_order(receiver, 10, ms(100)) == 10);  // 6 segments open 12: 57
  // 2 x 20 + 16 = 56, and as growth was 100 %, 56 + 2 x 56 = 168.
  CHECK(in_order(receiver, 20, ms(200)) == 20);  // 97
  // 96 + 2 x 96 = 288.
  CHECK(in_order(receiver, 40, ms(300)) == 40);  // 177
  CHECK(in_order(receiver, 40, ms(400)) == 40);  // 257
  // 16 more segments open the last 32; 24 are acknowledged by twos.
  CHECK(in_order(receiver, 40, ms(500)) == 16 + 12);
  CHECK(in_order(receiver, 40, ms(600)) == 20);
}

TEST_CASE("each segment is acknowledged while something is missing", "[tcp]") {
  Receiver receiver(ms(100));
  CHECK(in_order(receiver, 31, ms(1)) == 16 + 7);
  CHECK(receiver.owes());
  const std::vector<std::int32_t> missing{2, 3, 7};
  CHECK(receiver.arrived({31, 41}, missing, ms(2)).count == 7);
  CHECK(receiver.next() == 33);
  CHECK_FALSE(receiver.owes());  // that segment was acknowledged along with them
  CHECK(receiver.arrived({41, 45}, {}, ms(3)).count == 4);
  CHECK(receiver.next() == 33);
  CHECK(receiver.arrived({33, 35}, {}, ms(4)).count == 2);
  CHECK(receiver.next() == 38);
  CHECK(receiver.arrived({38, 39}, {}, ms(5)).count == 1);  // the last gap
  CHECK(receiver.next() == 45);
  CHECK(receiver.arrived({45, 49}, {}, ms(6)).count == 2);
}

TEST_CASE("what comes twice is acknowledged at once and changes nothing", "[tcp]") {
  Receiver receiver(ms(100));
  CHECK(in_order(receiver, 31, ms(1)) == 23);
  CHECK(receiver.arrived({30, 31}, {}, ms(2)).count == 1);
  CHECK(receiver.next() == 31);
}

TEST_CASE("what is missing at the ends of a train leaves gaps there", "[tcp]") {
  Receiver receiver(ms(100));
  const std::vector<std::int32_t> first{0}, last{4};
  receiver.arrived({0, 5}, first, ms(1));
  CHECK(receiver.next() == 0);
  receiver.arrived({5, 10}, last, ms(1));
  CHECK(receiver.next() == 0);
  receiver.arrived({0, 1}, {}, ms(2));
  CHECK(receiver.next() == 9);
  receiver.arrived({9, 10}, {}, ms(3));
  CHECK(receiver.next() == 10);
}

TEST_CASE("what has arrived in order is what a set of segments says", "[tcp]") {
  const std::uint64_t seed = test_seed();
  for (std::uint64_t round = 0; round < 100; ++round) {
    INFO("--rng-seed " << seed << ", round " << round);
    Rng rng(seed, "receiver", round);
    Receiver receiver(ms(50));
    std::set<std::int64_t> there;
    std::int64_t sent = 0;
    std::int64_t next = 0;
    for (int step = 0; step < 200; ++step) {
      // New segments, or old ones again from where something may be missing.
      std::int64_t first = sent;
      if (rng.below(3) == 0) first = next;
      const Run run{first, first + static_cast<std::int64_t>(1 + rng.below(12))};
      std::vector<std::int32_t> missing;
      for (std::int32_t place = 0; place < run.count() - 1; ++place) {
        if (rng.below(8) == 0) missing.push_back(place);
      }
      const bool gap_before = !there.empty() && *there.rbegin() >= next;
      const bool owed = receiver.owes();
      std::size_t gone = 0;
      for (std::int64_t s = run.first; s < run.end; ++s) {
        if (gone < missing.size() && run.first + missing[gone] == s) {
          ++gone;
        } else {
          there.insert(s);
        }
      }
      sent = std::max(sent, run.end);
      while (there.count(next) > 0) ++next;
      const bool gap = *there.rbegin() >= next;
      const std::int64_t acks = receiver.arrived(run, missing, ms(step)).count;
      const std::int64_t count = run.count() - static_cast<std::int64_t>(missing.size());
      REQUIRE(receiver.next() == next);
      if (gap_before || gap || !missing.empty()) {
        REQUIRE(acks == count);
        REQUIRE_FALSE(receiver.owes());
      } else {
        // All are acknowledged but the one that waits.
        REQUIRE(acks <= count);
        REQUIRE(2 * acks + (receiver.owes() ? 1 : 0) >= count + (owed ? 1 : 0));
      }
    }
  }
}

}  // namespace
}  // namespace strait
