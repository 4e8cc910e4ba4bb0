// By hand: one byte per microsecond, segments of 1500 bytes, so 1.5 ms for each.
#include "netsim/tcp/link_queue.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <vector>

#include "core/base/rng.h"
#include "tests/sim/model_world.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"

namespace strait {
namespace {

constexpr Bytes kSegment = 1'500;
constexpr Bytes kRoomy = Bytes{1} << 40;

constexpr Nanos us(std::int64_t n) { return Nanos{n * 1'000}; }

Passing train(Nanos first, Nanos last, std::int64_t count) {
  return {first, last, count, count * kSegment};
}

/// Checked to be complete.
Passing pass(LinkQueue& queue, const Passing& train) {
  std::vector<std::int32_t> dropped;
  const Passing leaves = queue.pass(train, dropped);
  CHECK(dropped.empty());
  CHECK(leaves.count == train.count);
  CHECK(leaves.bytes == train.bytes);
  return leaves;
}

TEST_CASE("a burst leaves at the rate of the link", "[queue]") {
  LinkQueue queue(kByteAMicrosecond, kRoomy);
  const Passing first = pass(queue, train(ms(0), ms(0), 4));
  CHECK(first.first == us(1'500));
  CHECK(first.last == us(6'000));
  // 2 ms later 4000 bytes are left.
  CHECK(queue.backlog(ms(2)) == 4'000);
  const Passing second = pass(queue, train(ms(2), ms(2), 2));
  CHECK(second.first == us(7'500));
  CHECK(second.last == us(9'000));
  CHECK(queue.backlog(ms(8)) == 1'000);
  CHECK(queue.backlog(ms(9)) == 0);
  CHECK(pass(queue, train(ms(20), ms(20), 1)).last == us(21'500));
}

TEST_CASE("a train that is slower than the link keeps its times", "[queue]") {
  LinkQueue queue(kByteAMicrosecond, kRoomy);
  const Passing leaves = pass(queue, train(ms(1), ms(10), 4));  // one in 3 ms
  CHECK(leaves.first == us(2'500));
  CHECK(leaves.last == us(11'500));
}

TEST_CASE("a train that is faster than the link leaves at its rate", "[queue]") {
  LinkQueue queue(kByteAMicrosecond, kRoomy);
  const Passing leaves = pass(queue, train(ms(1), ms(4), 4));  // one in 1 ms
  CHECK(leaves.first == us(2'500));
  CHECK(leaves.last == us(7'000));
  CHECK(queue.backlog(ms(4)) == 3'000);
  // Half of it has arrived, and 1.5 ms gone.
  LinkQueue half(kByteAMicrosecond, kRoomy);
  pass(half, train(ms(0), ms(3), 4));
  CHECK(half.backlog(us(1'500)) == kSegment + 2'250 - 1'500);
}

TEST_CASE("a train behind a burst waits for it", "[queue]") {
  LinkQueue queue(kByteAMicrosecond, kRoomy);
  pass(queue, train(ms(0), ms(0), 8));  // until 12 ms
  const Passing slow = pass(queue, train(ms(1), ms(7), 3));
  CHECK(slow.first == us(13'500));
  CHECK(slow.last == us(16'500));
}

TEST_CASE("trains that arrive at the same time share the link", "[queue]") {
  LinkQueue queue(kByteAMicrosecond, kRoomy);
  const Passing one = pass(queue, train(ms(0), ms(3), 4));
  CHECK(one.last == us(6'000));  // told before the other one was known
  const Passing other = pass(queue, train(ms(0), ms(3), 4));
  CHECK(other.first == us(3'000));
  CHECK(other.last == us(12'000));  // eight segments in all
  CHECK(queue.backlog(ms(3)) == 8 * kSegment - 3'000);
  CHECK(queue.backlog(ms(12)) == 0);
}

TEST_CASE("two slow trains whose rates add up to more than the link's queue up", "[queue]") {
  // One segment in 2 ms each: 1.5 bytes per microsecond together.
  LinkQueue queue(kByteAMicrosecond, kRoomy);
  pass(queue, train(ms(0), ms(20), 11));
  const Passing other = pass(queue, train(ms(0), ms(20), 11));
  CHECK(other.last == us(22 * 1'500));
  // The first one ends, and then the queue drains.
  LinkQueue uneven(kByteAMicrosecond, kRoomy);
  pass(uneven, train(ms(0), ms(10), 6));
  pass(uneven, train(ms(0), ms(20), 11));
  CHECK(uneven.backlog(ms(10)) == 12 * kSegment - 10'000);
  CHECK(uneven.backlog(ms(20)) == 17 * kSegment - 20'000);
}

TEST_CASE("a burst beyond the room loses its end", "[queue]") {
  LinkQueue queue(kByteAMicrosecond, 3 * kSegment);
  std::vector<std::int32_t> dropped;
  const Passing leaves = queue.pass(train(ms(0), ms(0), 5), dropped);
  CHECK(dropped == std::vector<std::int32_t>{3, 4});
  CHECK(leaves.count == 3);
  CHECK(leaves.bytes == 3 * kSegment);
  CHECK(leaves.last == us(4'500));
  // 1.5 ms later there is room for one.
  dropped.clear();
  const Passing next = queue.pass(train(us(1'500), us(1'500), 2), dropped);
  CHECK(dropped == std::vector<std::int32_t>{1});
  CHECK(next.first == us(6'000));
  // For none at all.
  dropped.clear();
  CHECK(queue.pass(train(us(1'600), us(1'600), 2), dropped).count == 0);
  CHECK(dropped == std::vector<std::int32_t>{0, 1});
}

// Bytes in the queue when a segment comes, and with it: 0 1500, 1000 2500, 2000 -, 1500 3000,
// 2500 -, 2000 -, 1500 3000.
TEST_CASE("a train that comes too fast loses segments in its middle", "[queue]") {
  LinkQueue queue(kByteAMicrosecond, 2 * kSegment);
  std::vector<std::int32_t> dropped;
  const Passing leaves = queue.pass(train(ms(0), ms(3), 7), dropped);
  CHECK(dropped == std::vector<std::int32_t>{2, 4, 5});
  CHECK(leaves.count == 4);
  CHECK(leaves.first == us(1'500));
  CHECK(leaves.last == us(6'000));
  CHECK(queue.backlog(ms(3)) == 3'000);
}

TEST_CASE("what waits leaves at the new rate after a change", "[queue]") {
  LinkQueue queue(kByteAMicrosecond, kRoomy);
  pass(queue, train(ms(0), ms(0), 4));
  queue.set_rate({kByteAMicrosecond.value / 2}, ms(2));
  CHECK(queue.backlog(ms(2)) == 4'000);
  CHECK(queue.backlog(ms(4)) == 3'000);
  CHECK(pass(queue, train(ms(4), ms(4), 1)).last == us(13'000));
  queue.set_rate({2 * kByteAMicrosecond.value}, ms(6));  // 3500 bytes
  CHECK(queue.backlog(ms(7)) == 1'500);
  CHECK(pass(queue, train(ms(7), ms(7), 1)).last == us(8'500));
}

TEST_CASE("a link without limit takes no time and holds nothing", "[queue]") {
  LinkQueue queue(kByteAMicrosecond, 10 * kSegment);
  pass(queue, train(ms(0), ms(4), 8));
  queue.set_rate(kUnlimited, ms(1));
  CHECK(queue.backlog(ms(1)) == 0);
  const Passing leaves = pass(queue, train(ms(1), ms(1), 1'000));
  CHECK(leaves.first == ms(1));
  CHECK(leaves.last == ms(1));
  queue.set_rate(kByteAMicrosecond, ms(2));
  CHECK(pass(queue, train(ms(2), ms(2), 2)).last == ms(5));
}

/// A FIFO that looks at every packet.
class Packets {
 public:
  Packets(BytesPerSecond rate, Bytes limit) : rate_(rate), limit_(limit) {}

  /// Returns when it has left; kNever if there is no room. In the order of time.
  Nanos pass(Nanos time, Bytes bytes) {
    if (backlog(time) + static_cast<double>(bytes) > static_cast<double>(limit_)) return kNever;
    free_ = std::max(free_, time) + transfer_time(bytes, rate_);
    return free_;
  }

  double backlog(Nanos time) const {
    return free_ <= time ? 0 : seconds(free_ - time) * static_cast<double>(rate_.value);
  }

 private:
  BytesPerSecond rate_;
  Bytes limit_;
  Nanos free_{0};
};

Nanos place_of(const Passing& train, std::int64_t i) {
  if (train.count == 1) return train.first;
  return train.first + (train.last - train.first) * i / (train.count - 1);
}

/// Trains one after another.
TEST_CASE("trains leave when their packets would, to one segment", "[queue]") {
  const std::uint64_t seed = test_seed();
  for (std::uint64_t round = 0; round < 200; ++round) {
    INFO("--rng-seed " << seed << ", round " << round);
    Rng rng(seed, "queue", round);
    const BytesPerSecond rate{static_cast<std::int64_t>(50'000 + rng.below(5'000'000))};
    const Nanos segment = transfer_time(kSegment, rate);
    LinkQueue queue(rate, kRoomy);
    Packets packets(rate, kRoomy);
    Nanos now{0};
    for (int step = 0; step < 50; ++step) {
      const auto count = static_cast<std::int64_t>(1 + rng.below(20));
      // From a burst to twice the time that it takes on the link.
      const auto length = static_cast<std::int64_t>(
          rng.below(3) == 0 || count == 1
              ? 0
              : rng.below(static_cast<std::uint64_t>(2 * count * segment.count())));
      const Passing comes = train(now, now + Nanos{length}, count);
      const Passing leaves = pass(queue, comes);
      Nanos first{0}, last{0};
      for (std::int64_t i = 0; i < count; ++i) {
        last = packets.pass(place_of(comes, i), kSegment);
        if (i == 0) first = last;
      }
      CHECK(leaves.last >= leaves.first);
      CHECK(leaves.last >= comes.last + segment);
      // Where the queue runs dry, fluid and packets are up to one of them apart; and a fluid's rate
      // is whole bytes per second, so it loses up to a byte per second.
      CHECK(std::abs((leaves.first - first).count()) <= segment.count() * 21 / 20);
      CHECK(std::abs((leaves.last - last).count()) <= segment.count() * 21 / 20);
      now = comes.last + Nanos{static_cast<std::int64_t>(rng.below(2) ? rng.below(20'000'000) : 0)};
      CHECK(std::abs(static_cast<double>(queue.backlog(now)) - packets.backlog(now)) <=
            1.05 * kSegment);
    }
  }
}

TEST_CASE("a queue makes no bytes, and holds no more than it has room for", "[queue]") {
  const std::uint64_t seed = test_seed();
  for (std::uint64_t round = 0; round < 200; ++round) {
    INFO("--rng-seed " << seed << ", round " << round);
    Rng rng(seed, "room", round);
    BytesPerSecond rate{static_cast<std::int64_t>(50'000 + rng.below(5'000'000))};
    const auto limit = static_cast<Bytes>(kSegment * (2 + rng.below(40)));
    LinkQueue queue(rate, limit);
    Nanos now{0};
    Bytes in = 0, could_leave = 0, most_to_come = 0;
    std::vector<std::pair<Nanos, Bytes>> arriving;
    for (int step = 0; step < 100; ++step) {
      const auto count = static_cast<std::int64_t>(1 + rng.below(20));
      const auto bytes =
          static_cast<Bytes>(count * static_cast<std::int64_t>(66 + rng.below(1'449)));
      const Nanos segment = transfer_time(bytes, rate) / count;
      const auto length = static_cast<std::int64_t>(
          rng.below(3) == 0 || count == 1
              ? 0
              : rng.below(static_cast<std::uint64_t>(2 * count * segment.count())));
      const Passing comes{now, now + Nanos{length}, count, bytes};
      std::vector<std::int32_t> dropped;
      const Passing leaves = queue.pass(comes, dropped);
      CHECK(leaves.count + static_cast<std::int64_t>(dropped.size()) == count);
      CHECK(leaves.bytes == bytes - static_cast<Bytes>(dropped.size()) * (bytes / count));
      CHECK(std::is_sorted(dropped.begin(), dropped.end()));
      if (!dropped.empty()) {
        CHECK(dropped.front() >= 0);
        CHECK(dropped.back() < count);
      }
      if (leaves.count > 0) {
        CHECK(leaves.first > comes.first);
        CHECK(leaves.last >= leaves.first);
      }
      in += leaves.bytes;
      if (comes.last > now) arriving.push_back({comes.last, leaves.bytes});
      // In every second round, the next one may come while this one does.
      const Nanos before = now;
      if (round % 2 == 0) now = comes.last;
      now += Nanos{static_cast<std::int64_t>(
          rng.below(1 + 2 * static_cast<std::uint64_t>(transfer_time(bytes, rate).count())))};
      const Bytes backlog = queue.backlog(now);
      CHECK(backlog >= 0);
      // A train that was taken comes in, although a later one may have filled the room meanwhile.
      CHECK(backlog <= limit + kSegment + most_to_come);
      // What is not in the queue and has arrived has left, no faster than the link.
      could_leave +=
          static_cast<Bytes>(seconds(now - before) * static_cast<double>(rate.value)) + 2;
      std::erase_if(arriving, [&](const auto& train) { return train.first <= now; });
      Bytes to_come = 0;
      for (const auto& [end, some] : arriving) to_come += some;
      most_to_come = std::max(most_to_come, to_come);
      CHECK(in - backlog - to_come <= could_leave);
      if (rng.below(10) == 0) {
        rate.value = static_cast<std::int64_t>(50'000 + rng.below(5'000'000));
        queue.set_rate(rate, now);
      }
    }
    // Everything leaves in the end.
    const Nanos end = now + transfer_time(Bytes{200} * 20 * kSegment, rate);
    CHECK(queue.backlog(end) == 0);
  }
}

TEST_CASE("as many segments find no room as packets would", "[queue]") {
  const std::uint64_t seed = test_seed();
  std::int64_t dropped_in_all = 0, expected_in_all = 0;
  for (std::uint64_t round = 0; round < 200; ++round) {
    INFO("--rng-seed " << seed << ", round " << round);
    Rng rng(seed, "drops", round);
    const BytesPerSecond rate{static_cast<std::int64_t>(50'000 + rng.below(5'000'000))};
    const Nanos segment = transfer_time(kSegment, rate);
    const auto limit = static_cast<Bytes>(kSegment * (4 + rng.below(40)));
    LinkQueue queue(rate, limit);
    Packets packets(rate, limit);
    Nanos now{0};
    std::int64_t lost = 0, expected = 0;
    for (int step = 0; step < 100; ++step) {
      // Mostly faster than the link, so that the queue is full most of the time.
      const auto count = static_cast<std::int64_t>(1 + rng.below(20));
      const Nanos length = count == 1 ? Nanos{0}
                                      : Nanos{static_cast<std::int64_t>(rng.below(
                                            static_cast<std::uint64_t>(count * segment.count())))};
      const Passing comes = train(now, now + length, count);
      std::vector<std::int32_t> dropped;
      queue.pass(comes, dropped);
      lost += static_cast<std::int64_t>(dropped.size());
      for (std::int64_t i = 0; i < count; ++i) {
        expected += packets.pass(place_of(comes, i), kSegment) == kNever;
      }
      now = comes.last + Nanos{static_cast<std::int64_t>(
                             rng.below(static_cast<std::uint64_t>(2 * segment.count())))};
    }
    CHECK(std::abs(lost - expected) <= 3 + expected / 10);
    dropped_in_all += lost;
    expected_in_all += expected;
  }
  CHECK(expected_in_all > 10'000);
  CHECK(std::abs(dropped_in_all - expected_in_all) <= expected_in_all / 50);
}

TEST_CASE("a queue holds what 1 Tbit/s needs over 100 ms", "[queue]") {
  constexpr BytesPerSecond kTerabit{125'000'000'000};
  constexpr Bytes kRoom = 12'500'000'000;
  LinkQueue queue(kTerabit, kRoom);
  constexpr std::int64_t kSegments = 2'000'000;
  for (Bytes held = 0; held + kSegments * kSegment <= kRoom; held += kSegments * kSegment) {
    CHECK(pass(queue, train(ms(0), ms(0), kSegments)).last ==
          transfer_time(held + kSegments * kSegment, kTerabit));
  }
  std::vector<std::int32_t> dropped;
  queue.pass(train(ms(0), ms(0), kSegments), dropped);
  CHECK(static_cast<Bytes>(kSegments - static_cast<std::int64_t>(dropped.size())) ==
        (kRoom - 12'000'000'000) / kSegment);
}

}  // namespace
}  // namespace strait
