#include "netsim/tcp/segments.h"

#include <algorithm>
#include <vector>

#include "core/base/rng.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"

namespace strait {
namespace {

TEST_CASE("payload is cut into full segments and a rest", "[tcp]") {
  Segments segments(1'000);
  CHECK(segments.count() == 0);
  CHECK(segments.before(0) == 0);
  segments.add(2'500, 0);
  CHECK(segments.count() == 3);
  CHECK(segments.payload() == 2'500);
  CHECK(segments.before(1) == 1'000);
  CHECK(segments.before(2) == 2'000);
  CHECK(segments.before(3) == 2'500);
  Segments whole(1'000);
  whole.add(2'000, 0);
  CHECK(whole.count() == 2);
}

TEST_CASE("the last segment is filled up, unless it was sent", "[tcp]") {
  Segments segments(1'000);
  segments.add(2'500, 0);
  segments.add(300, 2);  // the third one has room: 800 now
  CHECK(segments.count() == 3);
  CHECK(segments.before(3) == 2'800);
  segments.add(200, 2);  // is full now
  CHECK(segments.count() == 3);
  CHECK(segments.before(3) == 3'000);
  segments.add(1, 2);
  CHECK(segments.count() == 4);
  segments.add(1, 4);  // that was sent as it was
  CHECK(segments.count() == 5);
  CHECK(segments.before(4) == 3'001);
  CHECK(segments.before(5) == 3'002);
  segments.add(1'500, 4);  // fills up the fifth, and 501 more
  CHECK(segments.count() == 6);
  CHECK(segments.before(5) == 4'001);
  CHECK(segments.before(6) == 4'502);
  CHECK(segments.payload() == 4'502);
}

TEST_CASE("what was forgotten still counts in what comes after", "[tcp]") {
  Segments segments(1'000);
  for (std::int64_t i = 0; i < 5; ++i) segments.add(100 + i, i);  // each sent by itself
  CHECK(segments.count() == 5);
  segments.forget(3);
  CHECK(segments.before(3) == 100 + 101 + 102);
  CHECK(segments.before(5) == 100 + 101 + 102 + 103 + 104);
  segments.forget(5);
  CHECK(segments.before(5) == 510);
  segments.add(1'490, 5);
  CHECK(segments.count() == 7);
  CHECK(segments.before(6) == 1'510);
  CHECK(segments.before(7) == 2'000);
}

TEST_CASE("segments are cut as a list of their sizes says", "[tcp]") {
  const std::uint64_t seed = test_seed();
  for (std::uint64_t round = 0; round < 200; ++round) {
    INFO("--rng-seed " << seed << ", round " << round);
    Rng rng(seed, "segments", round);
    const auto full = static_cast<Bytes>(1 + rng.below(20));
    Segments segments(full);
    std::vector<Bytes> sizes;
    std::int64_t sent = 0, forgotten = 0;
    Bytes payload = 0;
    for (int step = 0; step < 150; ++step) {
      const auto most = static_cast<std::uint64_t>(rng.below(4) == 0 ? 6 * full : full);
      const auto more = static_cast<Bytes>(1 + rng.below(most));
      segments.add(more, sent);
      payload += more;
      Bytes left = more;
      if (static_cast<std::int64_t>(sizes.size()) > sent) {
        const Bytes filled = std::min(left, full - sizes.back());
        sizes.back() += filled;
        left -= filled;
      }
      for (; left > 0; left -= sizes.back()) sizes.push_back(std::min(left, full));
      const auto count = static_cast<std::int64_t>(sizes.size());
      REQUIRE(segments.count() == count);
      REQUIRE(segments.payload() == payload);
      sent += static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(count - sent) + 1));
      if (rng.below(3) == 0) {
        forgotten +=
            static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(sent - forgotten) + 1));
        segments.forget(forgotten);
      }
      Bytes before = 0;
      for (std::int64_t s = 0; s <= count; ++s) {
        if (s >= forgotten) REQUIRE(segments.before(s) == before);
        if (s < count) before += sizes[static_cast<std::size_t>(s)];
      }
    }
  }
}

}  // namespace
}  // namespace strait
