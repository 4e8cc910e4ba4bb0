#include "core/base/units.h"

#include <limits>

#include "core/base/rng.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"

namespace strait {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

TEST_CASE("a transfer takes its bytes at the rate, rounded up", "[units]") {
  CHECK(transfer_time(3, {2}) == Nanos{1'500'000'000});
  CHECK(transfer_time(1, {3}) == Nanos{333'333'334});
  CHECK(transfer_time(0, {0}) == Nanos{0});
  CHECK(transfer_time(1, {0}) == kNever);
  CHECK(transfer_time(kMost, kUnlimited) == Nanos{0});
  // More than 9.2 GB take more than 64 bits on the way.
  CHECK(transfer_time(1'000'000'000'000, {1'000'000'000}) == Nanos{1'000'000'000'000});
  CHECK(transfer_time(kMost, {1}) == kNever);
}

TEST_CASE("a part of a length lies where it lies evenly", "[units]") {
  CHECK(part_of(Nanos{10}, 0, 4) == Nanos{0});
  CHECK(part_of(Nanos{10}, 3, 4) == Nanos{7});
  CHECK(part_of(Nanos{10}, 4, 4) == Nanos{10});
  CHECK(part_of(Nanos{10}, 1, 0) == Nanos{0});
  CHECK(part_of(Nanos{kMost}, kMost - 1, kMost) == Nanos{kMost - 1});
}

TEST_CASE("a quotient is the same however wide its dividend is", "[units]") {
  const std::uint64_t seed = test_seed();
  INFO("--rng-seed " << seed);
  Rng rng(seed, "quotient");
  const auto any = [&] { return static_cast<std::int64_t>(rng.below(kMost) >> rng.below(62)); };
  for (int i = 0; i < 10'000; ++i) {
    const Wide a = (Wide{any()} * any() + any()) * (rng.below(2) == 0 ? 1 : -1);
    const std::int64_t b = 1 + any() / 2;
    const Wide q = quotient(a, b), rest = a - q * b;
    REQUIRE((rest < 0 ? -rest : rest) < b);
    REQUIRE((rest == 0 || (rest < 0) == (a < 0)));
  }
}

}  // namespace
}  // namespace strait
