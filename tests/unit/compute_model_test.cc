#include "core/train/compute_model.h"

#include <set>

#include "tests/support/catch.h"

namespace strait {
namespace {

TEST_CASE("without jitter every step costs the same", "[compute]") {
  const ComputeModel model{.step = Nanos{150'000'000}};
  CHECK(model.step_cost(0, 0) == Nanos{150'000'000});
  CHECK(model.step_cost(3, 1000) == Nanos{150'000'000});
}

// Also for a step of 100 us, in which a millionth is no whole nanosecond.
TEST_CASE("jitter stays within its limits, around the step's cost", "[compute]") {
  for (const Nanos step : {Nanos{100'000}, Nanos{150'000'000}, Nanos{3'600'000'000'000}}) {
    const ComputeModel model{.step = step, .jitter_ppm = 200'000};
    const double whole = static_cast<double>(step.count());
    double sum = 0, least = 2, most = 0;
    for (std::int64_t n = 0; n < 2000; ++n) {
      const double cost = static_cast<double>(model.step_cost(1, n).count()) / whole;
      least = std::min(least, cost);
      most = std::max(most, cost);
      sum += cost;
    }
    INFO("step " << step.count());
    CHECK(least >= 0.8);
    CHECK(least < 0.81);
    CHECK(most <= 1.2);
    CHECK(most > 1.19);
    CHECK(sum / 2000 == Approx(1).margin(0.01));
  }
}

TEST_CASE("jitter is drawn per seed, island and step, and again the same", "[compute]") {
  std::set<std::int64_t> costs;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const ComputeModel model{.jitter_ppm = 1'000'000, .seed = seed};
    for (IslandId island = 0; island < 4; ++island) {
      for (std::int64_t step = 0; step < 10; ++step) {
        costs.insert(model.step_cost(island, step).count());
        CHECK(model.step_cost(island, step) == model.step_cost(island, step));
      }
    }
  }
  CHECK(costs.size() == 3 * 4 * 10);
  // Step 1 of seed 0 is not step 0 of another seed.
  const ComputeModel zero{.jitter_ppm = 1'000'000, .seed = 0};
  const ComputeModel other{.jitter_ppm = 1'000'000, .seed = 1 << 20};
  CHECK(zero.step_cost(0, 1) != other.step_cost(0, 0));
}

TEST_CASE("an island may have a step and a jitter of its own", "[compute]") {
  const ComputeModel all{.step = Nanos{1'000'000}, .jitter_ppm = 500'000};
  ComputeModel some = all;
  some.islands = {{}, {.step = Nanos{7'000'000}}, {.jitter_ppm = 0}};
  const auto differs_by = [&](IslandId island, std::int64_t n) {
    return some.step_cost(island, n) - all.step_cost(island, n);
  };
  for (std::int64_t n = 0; n < 20; ++n) {
    CHECK(differs_by(0, n) == Nanos{0});
    CHECK(differs_by(3, n) == Nanos{0});  // beyond the list
    // The same draw, of a step seven times as long: exact, since both are whole microseconds.
    CHECK(some.step_cost(1, n) == 7 * all.step_cost(1, n));
    CHECK(some.step_cost(2, n) == Nanos{1'000'000});
  }
}

TEST_CASE("a faster island has shorter steps, jitter included", "[compute]") {
  ComputeModel model{.step = Nanos{150'000'000}};
  model.islands = {{}, {.speed_ppm = 500'000}, {.speed_ppm = 3'000'000}};
  CHECK(model.usual_step(0) == Nanos{150'000'000});
  CHECK(model.step_cost(1, 5) == Nanos{300'000'000});
  CHECK(model.step_cost(2, 5) == Nanos{50'000'000});
  model.jitter_ppm = 100'000;
  for (std::int64_t n = 0; n < 100; ++n) {
    CHECK(model.step_cost(2, n) >= Nanos{45'000'000});
    CHECK(model.step_cost(2, n) <= Nanos{55'000'000});
  }
  CHECK(model.usual_step(2) == Nanos{50'000'000});
}

}  // namespace
}  // namespace strait
