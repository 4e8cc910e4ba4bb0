// Identities that DiLoCo (arXiv 2311.08105) names, on the quadratic, without a network: one island
// with outer SGD at 1.0 is plain training, and H = 1 with SGD everywhere is data parallelism.
#include <algorithm>
#include <cmath>

#include "core/train/optimizer.h"
#include "core/train/quadratic.h"
#include "tests/support/catch.h"
#include "tests/support/floats.h"

namespace strait {
namespace {

// One island: its task, its inner optimizer, and the step it is at.
struct TestIsland {
  TestIsland(const QuadraticOptions& options, std::string inner, int island)
      : task(options, 11),
        optimizer(make_inner_optimizer(
            {.name = std::move(inner), .weight_decay = 0, .clip_norm = 0}, task.layout())),
        number(island) {}

  void inner_steps(int count, const Schedule& schedule) {
    for (int i = 0; i < count; ++i, ++step) {
      task.clear_gradients();
      task.accumulate_gradient({number, step}, 1);
      optimizer->step(task.parameters(), task.gradients(), schedule.rate(step));
    }
  }

  QuadraticTask task;
  std::unique_ptr<InnerOptimizer> optimizer;
  int number;
  std::int64_t step = 0;
};

// Algorithm 1 of the paper.
std::vector<float> diloco(std::vector<TestIsland>& islands, const OuterOptions& options, int rounds,
                          int inner_steps, const Schedule& schedule) {
  const auto start = islands[0].task.parameters();
  std::vector<float> shared(start.begin(), start.end());
  std::vector<float> delta(shared.size()), mean(shared.size());
  const auto outer = make_outer_optimizer(options, std::ssize(shared));
  const float weight = 1 / static_cast<float>(islands.size());
  for (int round = 0; round < rounds; ++round) {
    std::fill(mean.begin(), mean.end(), 0.0f);
    for (TestIsland& island : islands) {
      std::copy(shared.begin(), shared.end(), island.task.parameters().begin());
      island.inner_steps(inner_steps, schedule);
      outer_gradient(shared, island.task.parameters(), delta);
      for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += weight * delta[i];
    }
    outer->step(shared, mean, round + 1);
  }
  return shared;
}

double largest_difference(std::span<const float> a, std::span<const float> b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::fabs(double{a[i]} - double{b[i]}));
  }
  return worst;
}

constexpr Schedule kSchedule{.peak = 0.05, .steps = 200, .warmup_steps = 20};

TEST_CASE("one island with outer sgd at 1.0 is plain inner training for any H", "[quadratic]") {
  for (const std::string inner : {"adamw", "sgd"}) {
    TestIsland plain({}, inner, 0);
    const std::vector<float> start(plain.task.parameters().begin(), plain.task.parameters().end());
    plain.inner_steps(200, kSchedule);
    CHECK(largest_difference(start, plain.task.parameters()) > 0.5);
    for (const int inner_steps : {1, 5, 40, 200}) {
      std::vector<TestIsland> islands;
      islands.emplace_back(QuadraticOptions{}, inner, 0);
      const auto shared =
          diloco(islands, {.name = "sgd", .lr = 1.0}, 200 / inner_steps, inner_steps, kSchedule);
      INFO(inner << ", H = " << inner_steps);
      CHECK(largest_difference(shared, plain.task.parameters()) <= 1e-6);
    }
  }
}

TEST_CASE("H = 1 with sgd inside and outside is data-parallel sgd", "[quadratic]") {
  const QuadraticOptions options{.spread = 1.0, .noise = 0.3};
  for (const int k : {2, 3, 8}) {
    std::vector<TestIsland> islands;
    for (int i = 0; i < k; ++i) islands.emplace_back(options, "sgd", i);
    const auto shared = diloco(islands, {.name = "sgd", .lr = 1.0}, 100, 1, kSchedule);

    TestIsland parallel(options, "sgd", 0);
    for (std::int64_t step = 0; step < 100; ++step) {
      parallel.task.clear_gradients();
      for (int i = 0; i < k; ++i) {
        parallel.task.accumulate_gradient({i, step}, 1 / static_cast<float>(k));
      }
      parallel.optimizer->step(parallel.task.parameters(), parallel.task.gradients(),
                               kSchedule.rate(step));
    }
    const auto expected = parallel.task.parameters();
    std::vector<float> difference(shared.size());
    outer_gradient(expected, shared, difference);
    CHECK(l2_norm(difference) <= 1e-5 * l2_norm(expected));
    CHECK(largest_difference(shared, expected) <= 1e-5);
  }
}

// Without noise every part of x contracts by (1 - rate a)^H a round, whatever the islands' optima.
TEST_CASE("islands that differ still meet at the mean's optimum", "[quadratic]") {
  const QuadraticOptions options{.size = 512, .conditioning = 10, .spread = 1.0, .noise = 0};
  const Schedule constant{.peak = 0.1, .steps = 10'000, .warmup_steps = 0, .final_fraction = 1};
  std::vector<TestIsland> islands;
  for (int i = 0; i < 4; ++i) islands.emplace_back(options, "sgd", i);
  const auto optimum = islands[0].task.optimum();
  const std::vector<float> start(islands[0].task.parameters().begin(),
                                 islands[0].task.parameters().end());
  const auto once = diloco(islands, {.name = "sgd", .lr = 1.0}, 1, 20, constant);
  const double slowest = std::pow(1 - 0.1 / 10, 20), fastest = std::pow(1 - 0.1, 20);
  for (std::size_t i = 0; i < once.size(); i += 37) {
    const double contraction = (double{once[i]} - optimum[i]) / (double{start[i]} - optimum[i]);
    if (std::fabs(start[i] - optimum[i]) < 0.1f) continue;
    CHECK(contraction <= slowest + 1e-4);
    CHECK(contraction >= fastest - 1e-4);
  }
  for (auto& island : islands) island.task.initialize();
  const auto end = diloco(islands, {}, 120, 20, constant);
  CHECK(largest_difference(end, optimum) < 1e-3);
}

}  // namespace
}  // namespace strait
