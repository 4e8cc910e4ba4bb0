#include "core/io/lateness.h"

#include "tests/support/catch.h"

namespace strait {
namespace {

TEST_CASE("quantiles of lateness are at most a sixteenth too large", "[lateness]") {
  Lateness lateness;
  for (std::int64_t i = 1; i <= 10'000; ++i) lateness.add(Nanos{i * 1'000});
  CHECK(lateness.count() == 10'000);
  CHECK(lateness.max() == Nanos{10'000'000});
  for (const double fraction : {0.01, 0.5, 0.9, 0.99, 1.0}) {
    const double exact = fraction * 1e7;
    const auto found = static_cast<double>(lateness.quantile(fraction).count());
    CHECK(found >= exact);
    CHECK(found <= exact * 17 / 16);
  }
}

TEST_CASE("small and huge lateness each have a bucket", "[lateness]") {
  for (const std::int64_t late :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{15}, std::int64_t{16}, std::int64_t{31},
        std::int64_t{32}, std::int64_t{33}, std::int64_t{1} << 62, kNever.count()}) {
    Lateness lateness;
    lateness.add(Nanos{late});
    CHECK(lateness.quantile(0.5) == Nanos{late});
    CHECK(lateness.max() == Nanos{late});
  }
}

TEST_CASE("what is early is on time, and nothing has no lateness", "[lateness]") {
  Lateness lateness;
  CHECK(lateness.quantile(0.99) == Nanos{0});
  lateness.add(Nanos{-5});
  CHECK(lateness.count() == 1);
  CHECK(lateness.max() == Nanos{0});
}

TEST_CASE("lateness adds up", "[lateness]") {
  Lateness some, others;
  some.add(Nanos{1});
  others.add(Nanos{30});
  others.add(Nanos{31});
  some.add(others);
  CHECK(some.count() == 3);
  CHECK(some.quantile(0.5) == Nanos{30});
  CHECK(some.max() == Nanos{31});
}

}  // namespace
}  // namespace strait
