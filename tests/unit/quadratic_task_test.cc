#include <algorithm>
#include <cmath>

#include "core/base/errors.h"
#include "core/train/quadratic.h"
#include "tests/support/catch.h"
#include "tests/support/floats.h"

namespace strait {
namespace {

std::vector<float> gradient(Task& task, BatchKey key, float scale = 1) {
  task.clear_gradients();
  task.accumulate_gradient(key, scale);
  return {task.gradients().begin(), task.gradients().end()};
}

double loss_at(Task& task, std::span<const float> parameters) {
  return task.evaluate(parameters, 0, 1).at(0).value;
}

std::vector<float> copy(std::span<const float> values) { return {values.begin(), values.end()}; }

TEST_CASE("the quadratic's layout has uneven layers and empty padding", "[quadratic]") {
  for (const std::int64_t size : {128, 1000, 4096, 100'003}) {
    QuadraticTask task({.size = size}, 1);
    const auto& layout = task.layout();
    CHECK(layout.count() == size);
    CHECK(layout.size() > size);
    CHECK(layout.parameters().size() == 8);
    CHECK(layout.at("layer2.weight").size > layout.at("layer1.weight").size);
    CHECK(layout.at("layer3.bias").layer == 3);
    CHECK(layout.at("layer0.weight").decayed);
    CHECK_FALSE(layout.at("layer0.bias").decayed);
    const auto g = gradient(task, {0, 0});
    std::vector<bool> trained(g.size());
    for (const Parameter& p : layout.parameters()) {
      std::fill_n(trained.begin() + p.offset, p.size, true);
    }
    for (std::size_t i = 0; i < g.size(); ++i) {
      if (!trained[i]) CHECK((g[i] == 0 && task.parameters()[i] == 0 && task.optimum()[i] == 0));
    }
  }
}

TEST_CASE("seed, island and step fix a batch and each of them changes it", "[quadratic]") {
  QuadraticTask a({}, 1), b({}, 1), other({}, 2);
  CHECK(same_bits(a.parameters(), b.parameters()));
  CHECK_FALSE(same_bits(a.parameters(), other.parameters()));
  const auto g = gradient(a, {1, 5});
  gradient(b, {0, 0});  // another island in between leaves no trace
  CHECK(same_bits(gradient(b, {1, 5}), g));
  CHECK_FALSE(same_bits(gradient(b, {2, 5}), g));
  CHECK_FALSE(same_bits(gradient(b, {1, 6}), g));
  CHECK(a.take_losses().size() == 1);
  CHECK(b.take_losses().size() == 4);
  CHECK(b.take_losses().empty());
}

TEST_CASE("the quadratic's twins give the same bits", "[quadratic]") {
  const QuadraticOptions options{.size = 1237, .layers = 3};
  QuadraticTask plain(options, 3, Simd::kScalar);
  for (const Simd simd : supported_simd()) {
    QuadraticTask twin(options, 3, simd);
    CHECK(same_bits(twin.optimum(), plain.optimum()));
    CHECK(same_bits(gradient(twin, {1, 2}, 0.3f), gradient(plain, {1, 2}, 0.3f)));
    CHECK(twin.take_losses() == plain.take_losses());
    CHECK(loss_at(twin, twin.parameters()) == loss_at(plain, plain.parameters()));
  }
}

// Central differences of the reported loss, noise included: exact for a quadratic but for rounding.
TEST_CASE("the gradient is that of the loss that the batch reports", "[quadratic]") {
  QuadraticTask task({.size = 300, .noise = 0.5}, 4);
  const auto g = gradient(task, {2, 9});
  task.take_losses();
  for (std::size_t i = 0; i < 60; i += 7) {
    const float x = task.parameters()[i];
    task.parameters()[i] = x + 0.5f;
    task.accumulate_gradient({2, 9}, 1);
    task.parameters()[i] = x - 0.5f;
    task.accumulate_gradient({2, 9}, 1);
    task.parameters()[i] = x;
    const auto losses = task.take_losses();
    CHECK(losses[0] - losses[1] == Approx(g[i]).margin(1e-5));
  }
}

TEST_CASE("gradients add up with their scale", "[quadratic]") {
  QuadraticTask task({}, 5);
  const auto one = gradient(task, {0, 1}), two = gradient(task, {0, 2});
  task.clear_gradients();
  task.accumulate_gradient({0, 1}, 0.25f);
  const StepWork work = task.accumulate_gradient({0, 2}, 0.75f);
  double worst = 0;
  for (std::size_t i = 0; i < one.size(); ++i) {
    const double expected = 0.25 * one[i] + 0.75 * two[i];
    worst = std::max(worst, std::fabs(task.gradients()[i] - expected));
  }
  CHECK(worst < 1e-6);
  CHECK(work.examples == 1);
  CHECK(work.tokens == 1);
  CHECK(work.flops == 6.0 * 4096);
}

TEST_CASE("batch noise has mean 0 and the deviation asked for", "[quadratic]") {
  QuadraticTask noisy({.noise = 0.3}, 6), still({.noise = 0}, 6);
  const auto clean = gradient(still, {1, 0});
  CHECK(same_bits(clean, gradient(still, {1, 77})));
  double sum = 0, squares = 0, fourth = 0;
  constexpr int kSteps = 100;
  for (int step = 0; step < kSteps; ++step) {
    const auto g = gradient(noisy, {1, step});
    for (std::size_t i = 0; i < g.size(); ++i) {
      const double e = g[i] - clean[i];
      sum += e, squares += e * e, fourth += e * e * e * e;
    }
  }
  constexpr double kDraws = 4096.0 * kSteps;
  CHECK(std::fabs(sum / kDraws) < 0.3 * 0.007);           // 4.5 standard errors
  CHECK(squares / kDraws == Approx(0.09).epsilon(0.01));  // 5 standard errors
  CHECK(fourth / kDraws / std::pow(squares / kDraws, 2) ==
        Approx(2.7).epsilon(0.02));  // 3 = normal
}

TEST_CASE("islands' optima lie around the common one as far as asked", "[quadratic]") {
  QuadraticTask task({.size = 40'000, .conditioning = 1, .spread = 0.5, .noise = 0}, 7);
  double square = 0;
  const auto a = gradient(task, {0, 0}), b = gradient(task, {1, 0});
  for (std::size_t i = 0; i < a.size(); ++i) square += std::pow(double{a[i]} - b[i], 2);
  CHECK(square / 40'000 == Approx(2 * 0.25).epsilon(0.04));  // c_1 - c_0, as A = 1
  QuadraticTask same({.spread = 0, .noise = 0}, 7);
  CHECK(same_bits(gradient(same, {0, 0}), gradient(same, {3, 0})));
  CHECK(same.optimal_loss() == 0);
}

TEST_CASE("the optimum is where the islands' gradients cancel and the loss is smallest",
          "[quadratic]") {
  QuadraticTask task({.noise = 0, .islands = 5}, 8);
  const auto start = copy(task.parameters());
  CHECK(task.evaluate(start, 1, 2).empty());
  CHECK(task.evaluate(start, 0, 2).at(0).name == "loss.quadratic");
  CHECK(loss_at(task, task.optimum()) == Approx(task.optimal_loss()));
  CHECK(loss_at(task, start) > 10 * task.optimal_loss());

  // The evaluated loss is the mean of the islands' own, here at the start.
  task.clear_gradients();
  for (int island = 0; island < 5; ++island) task.accumulate_gradient({island, 0}, 0.2f);
  double mean = 0;
  for (const double loss : task.take_losses()) mean += loss / 5;
  CHECK(loss_at(task, start) == Approx(mean).epsilon(1e-6));

  std::copy(task.optimum().begin(), task.optimum().end(), task.parameters().begin());
  task.clear_gradients();
  for (int island = 0; island < 5; ++island) task.accumulate_gradient({island, 0}, 0.2f);
  float largest = 0;
  for (const float g : task.gradients()) largest = std::max(largest, std::fabs(g));
  CHECK(largest < 1e-6f);
  task.initialize();
  CHECK(same_bits(task.parameters(), start));
}

TEST_CASE("eigenvalues run from 1 to 1 over the conditioning in even steps", "[quadratic]") {
  QuadraticTask task({.size = 1001, .conditioning = 1e4, .spread = 0, .noise = 0}, 9);
  const auto before = gradient(task, {0, 0});
  for (float& x : task.parameters()) x += 1;
  const auto after = gradient(task, {0, 0});
  std::vector<double> eigenvalues;
  for (const Parameter& p : task.layout().parameters()) {
    for (auto i = p.offset; i < p.offset + p.size; ++i) {
      eigenvalues.push_back(double{after[i]} - before[i]);
    }
  }
  CHECK(std::is_sorted(eigenvalues.begin(), eigenvalues.end()) == false);  // strewn over the layers
  std::sort(eigenvalues.begin(), eigenvalues.end());
  CHECK(eigenvalues.front() == Approx(1e-4).epsilon(1e-2));
  CHECK(eigenvalues[500] == Approx(1e-2).epsilon(1e-3));
  CHECK(eigenvalues.back() == Approx(1.0).epsilon(1e-5));
}

TEST_CASE("a quadratic that is none is refused", "[quadratic]") {
  CHECK_THROWS_AS(make_quadratic_task({.size = 127}, 1), UserError);
  CHECK_THROWS_AS(make_quadratic_task({.layers = 0}, 1), UserError);
  CHECK_THROWS_AS(make_quadratic_task({.conditioning = 0.5}, 1), UserError);
  CHECK_THROWS_AS(make_quadratic_task({.spread = -1}, 1), UserError);
  CHECK_THROWS_AS(make_quadratic_task({.noise = std::nan("")}, 1), UserError);
  CHECK_THROWS_AS(make_quadratic_task({.islands = 0}, 1), UserError);
  CHECK_NOTHROW(make_quadratic_task({.size = 128}, 1));
}

}  // namespace
}  // namespace strait
