#include "netsim/outages.h"

#include <cstdlib>

#include "tests/sim/model_world.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

LinkOutages wifi(const std::string& name = "2") {
  return {.name = name,
          .links = {4, 5},
          .start = ms(500),
          .mean_up = ms(60'000),
          .mean_down = ms(3'000)};
}

// 100,000 draws: the mean has a standard error of 0.3 %, and the shares below a quantile one of at
// most 0.16 %. P(x < mean * ln 2) = 1/2, P(x > 3 means) = 4.98 %.
TEST_CASE("exponential times have the mean and the quantiles they should", "[outages]") {
  Rng rng(1, "exponential");
  constexpr int kDraws = 100'000;
  const Nanos mean = ms(1'000);
  std::int64_t sum = 0, below_median = 0, above_three = 0;
  for (int i = 0; i < kDraws; ++i) {
    const Nanos time = draw_exponential(rng, mean);
    REQUIRE(time >= Nanos{0});
    REQUIRE(time <= 45 * mean);
    sum += time.count();
    below_median += time < Nanos{693'147'181};
    above_three += time > 3 * mean;
  }
  CHECK(sum / kDraws == Approx(1e9).epsilon(0.01));
  CHECK(below_median == Approx(50'000).epsilon(0.01));
  CHECK(above_three == Approx(4'979).epsilon(0.05));
}

// -ln(draw / 2^64) * mean to 60 digits, for the same draws, worked out apart from this program.
TEST_CASE("exponential times are the logarithms of the draws", "[outages]") {
  Rng rng(7, "exponential");
  const Nanos year = std::chrono::hours(24 * 365);
  const auto check = [&](Nanos mean, std::int64_t exact) {
    const std::int64_t off = draw_exponential(rng, mean).count() - exact;
    CHECK(std::abs(off) <= 1 + mean.count() / 1'000'000'000);
  };
  check(ms(1'000), 2'349'309'739);
  check(ms(1'000), 812'175'384);
  check(year, 25'141'852'034'634'895);
  check(year, 39'372'130'453'830'138);
}

TEST_CASE("outages go down first and then alternate, in order of time", "[outages]") {
  OutageGenerator generator(3, wifi());
  Nanos before = ms(500);
  bool up = true;
  for (int i = 0; i < 1'000; ++i) {
    const auto toggle = generator.next();
    CHECK(toggle.up != up);
    CHECK(toggle.time >= before + OutageGenerator::kShortest);
    before = toggle.time;
    up = toggle.up;
  }
  // 500 pairs of 63 s; the standard deviation of their sum is 500^0.5 * 60.07 s.
  CHECK(seconds(before) == Approx(500 * 63.0).margin(4 * 22.4 * 60.07));
}

TEST_CASE("regular outages last as long as they are said to", "[outages]") {
  LinkOutages flapping = wifi();
  flapping.regular = true;
  OutageGenerator generator(1, flapping);
  for (int period = 0; period < 100; ++period) {
    const Nanos begin = ms(500) + period * ms(63'000);
    const OutageGenerator::Toggle down = generator.next(), up = generator.next();
    CHECK(!down.up);
    CHECK(down.time == begin + ms(60'000));
    CHECK(up.up);
    CHECK(up.time == begin + ms(63'000));
  }
}

TEST_CASE("outages depend on the seed and the subject and on nothing else", "[outages]") {
  const auto first = [](std::uint64_t seed, LinkOutages outages) {
    return OutageGenerator(seed, outages).next().time;
  };
  LinkOutages other_links = wifi();
  other_links.links = {0};
  CHECK(first(1, wifi()) == first(1, other_links));
  CHECK(first(1, wifi()) != first(2, wifi()));
  CHECK(first(1, wifi()) != first(1, wifi("3")));
}

TEST_CASE("an outage beyond all time never comes", "[outages]") {
  LinkOutages outages = wifi();
  outages.start = kNever - Nanos{1};
  CHECK(OutageGenerator(1, outages).next().time == kNever);
}

}  // namespace
}  // namespace strait
