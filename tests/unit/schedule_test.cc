#include <cmath>

#include "core/base/errors.h"
#include "core/train/optimizer.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

TEST_CASE("the rate warms up in a line and falls along a half cosine", "[schedule]") {
  const Schedule schedule{.peak = 1.0, .steps = 110, .warmup_steps = 10, .final_fraction = 0.1};
  CHECK(schedule.rate(0) == Approx(0.1));
  CHECK(schedule.rate(4) == Approx(0.5));
  CHECK(schedule.rate(9) == 1.0);
  CHECK(schedule.rate(10) == 1.0);
  CHECK(schedule.rate(35) == Approx(0.1 + 0.9 * (1 + std::sqrt(0.5)) / 2));  // cos 45 degrees
  CHECK(schedule.rate(60) == Approx(0.55));
  CHECK(schedule.rate(85) == Approx(0.1 + 0.9 * (1 - std::sqrt(0.5)) / 2));
  CHECK(schedule.rate(109) > 0.1);
  CHECK(schedule.rate(110) == 0.1);
  CHECK(schedule.rate(1'000'000) == 0.1);
  for (std::int64_t step = 10; step < 120; ++step) {
    CHECK(schedule.rate(step + 1) <= schedule.rate(step));
  }
}

TEST_CASE("a schedule may have no warm-up, or nothing else", "[schedule]") {
  const Schedule none{.peak = 2e-3, .steps = 100, .warmup_steps = 0, .final_fraction = 0};
  CHECK(none.rate(0) == 2e-3);
  CHECK(none.rate(50) == Approx(1e-3));
  CHECK(none.rate(100) == 0.0);
  const Schedule only{.peak = 1, .steps = 4, .warmup_steps = 4, .final_fraction = 0.5};
  CHECK(only.rate(3) == 1.0);
  CHECK(only.rate(4) == 0.5);
  const Schedule constant{.peak = 0.3, .steps = 10, .warmup_steps = 0, .final_fraction = 1};
  for (std::int64_t step = 0; step < 20; ++step) CHECK(constant.rate(step) == Approx(0.3));
}

TEST_CASE("the rate of wsd is level and falls in a line at the end", "[schedule]") {
  const Schedule wsd{.name = "wsd",
                     .peak = 2.0,
                     .steps = 100,
                     .warmup_steps = 10,
                     .final_fraction = 0.1,
                     .decay_steps = 20};
  CHECK(wsd.rate(0) == Approx(0.2));
  for (std::int64_t step = 9; step <= 80; ++step) CHECK(wsd.rate(step) == 2.0);
  CHECK(wsd.rate(90) == Approx(2.0 * 0.55));
  CHECK(wsd.rate(99) == Approx(2.0 * (0.1 + 0.9 / 20)));
  CHECK(wsd.rate(100) == Approx(0.2));
  CHECK(wsd.rate(1'000'000) == Approx(0.2));
  Schedule no_decay = wsd;
  no_decay.decay_steps = 0;
  CHECK(no_decay.rate(99) == 2.0);
}

TEST_CASE("a constant rate warms up and stays", "[schedule]") {
  const Schedule constant{.name = "constant", .peak = 0.5, .steps = 100, .warmup_steps = 5};
  CHECK(constant.rate(0) == Approx(0.1));
  for (std::int64_t step = 4; step < 200; ++step) CHECK(constant.rate(step) == 0.5);
}

TEST_CASE("a schedule that is none is refused", "[schedule]") {
  CHECK_NOTHROW(Schedule{}.check());
  CHECK_THROWS_AS(Schedule{.peak = 0}.check(), UserError);
  CHECK_THROWS_AS(Schedule{.peak = std::nan("")}.check(), UserError);
  CHECK_THROWS_AS((Schedule{.steps = 0, .warmup_steps = 0}.check()), UserError);
  CHECK_THROWS_AS((Schedule{.steps = 100, .warmup_steps = 101}.check()), UserError);
  CHECK_THROWS_AS((Schedule{.warmup_steps = -1}.check()), UserError);
  CHECK_THROWS_AS(Schedule{.final_fraction = 1.5}.check(), UserError);
  CHECK_THROWS_AS(Schedule{.name = "step"}.check(), UserError);
  CHECK_THROWS_AS(
      (Schedule{.name = "wsd", .steps = 100, .warmup_steps = 60, .decay_steps = 50}.check()),
      UserError);
}

}  // namespace
}  // namespace strait
