// Outer optimizers: the form of Nesterov that DiLoCo means, PyTorch's numbers, equal twins.
#include <algorithm>
#include <cmath>

#include "core/base/errors.h"
#include "core/train/optimizer.h"
#include "tests/support/catch.h"
#include "tests/support/floats.h"

namespace strait {
namespace {

constexpr std::int64_t kSize = 1003;

TEST_CASE("the first nesterov step is 0.7 x 1.9 of the outer gradient", "[optimizer]") {
  const auto delta = normal_floats(kSize, 1);
  auto shared = normal_floats(kSize, 2);
  const auto start = shared;
  const auto outer = make_outer_optimizer({}, kSize);
  outer->step(shared, delta, 1);
  double worst = 0;
  for (std::size_t i = 0; i < delta.size(); ++i) {
    worst = std::max(worst, std::fabs(shared[i] - (start[i] - 0.7 * 1.9 * delta[i])));
  }
  CHECK(worst <= 1e-6);
  CHECK(same_bits(outer->state().at(0), delta));
}

// arXiv 2401.09135 eq. 4 as printed there, in double:
//   theta -= lr (beta^2 m_old + (1 + beta) g);  m = beta m_old + g
TEST_CASE("nesterov follows the paper's recurrence for twenty steps", "[optimizer]") {
  auto shared = normal_floats(kSize, 2);
  std::vector<double> theta(shared.begin(), shared.end()), m(shared.size());
  const auto outer = make_outer_optimizer({}, kSize);
  for (std::uint64_t t = 0; t < 20; ++t) {
    const auto delta = normal_floats(kSize, 10 + t, 0.01);
    outer->step(shared, delta, static_cast<std::int64_t>(t) + 1);
    for (std::size_t i = 0; i < theta.size(); ++i) {
      theta[i] -= 0.7 * (0.81 * m[i] + 1.9 * delta[i]);
      m[i] = 0.9 * m[i] + delta[i];
    }
  }
  double worst = 0;
  for (std::size_t i = 0; i < theta.size(); ++i) {
    worst = std::max(worst, std::fabs(shared[i] - theta[i]) / std::max(1.0, std::fabs(theta[i])));
  }
  CHECK(worst <= 1e-6);
}

TEST_CASE("a constant outer gradient is amplified by lr / (1 - momentum)", "[optimizer]") {
  for (const std::string name : {"nesterov", "momentum"}) {
    const auto outer = make_outer_optimizer({.name = name}, 1);
    std::vector<float> shared{0.0f};
    const std::vector<float> delta{0.125f};
    for (int t = 1; t <= 300; ++t) outer->step(shared, delta, t);
    shared[0] = 0;
    outer->step(shared, delta, 301);
    CHECK(shared[0] == Approx(-0.125 * 0.7 / (1 - 0.9)).epsilon(1e-5));
  }
}

// torch.optim.SGD of LibTorch 2.11, five steps at 0.7 and 0.9.
TEST_CASE("nesterov and momentum end where PyTorch's SGD does and differ", "[optimizer]") {
  const auto run = [](const std::string& name) {
    const auto outer = make_outer_optimizer({.name = name}, 3);
    std::vector<float> shared{1.0f, -2.0f, 0.5f}, delta(3);
    for (int t = 0; t < 5; ++t) {
      for (int i = 0; i < 3; ++i) delta[i] = static_cast<float>((7 * i + 13 * t) % 19 - 9) / 8;
      outer->step(shared, delta, t + 1);
    }
    return shared;
  };
  const double nesterov[] = {4.92419195, 1.58286047, -0.507986784};
  const double momentum[] = {4.38799095, 0.717067361, -0.328318715};
  for (int i = 0; i < 3; ++i) {
    CHECK(run("nesterov")[i] == Approx(nesterov[i]).margin(1e-6));
    CHECK(run("momentum")[i] == Approx(momentum[i]).margin(1e-6));
  }
}

TEST_CASE("sgd at 1.0 lands on the mean of the islands and keeps no state", "[optimizer]") {
  auto shared = normal_floats(kSize, 1);
  const auto local = normal_floats(kSize, 2);
  std::vector<float> delta(shared.size());
  outer_gradient(shared, local, delta);
  const auto outer = make_outer_optimizer({.name = "sgd", .lr = 1.0}, kSize);
  outer->step(shared, delta, 1);
  double worst = 0;
  for (std::size_t i = 0; i < local.size(); ++i) {
    worst = std::max(worst, std::fabs(double{shared[i]} - local[i]));
  }
  CHECK(worst <= 1e-6);  // fl(s - fl(s - x)) is not x
  CHECK(outer->state().empty());
}

TEST_CASE("outer optimizers' twins give the same bits", "[optimizer]") {
  for (const std::string name : {"nesterov", "momentum", "sgd", "adam"}) {
    for (std::int64_t n = 0; n < 200; n += 7) {
      const auto run = [&](Simd simd) {
        auto shared = normal_floats(n, 3);
        const auto outer = make_outer_optimizer({.name = name}, n, simd);
        for (int t = 1; t <= 5; ++t) {
          outer->step(shared, normal_floats(n, static_cast<std::uint64_t>(3 + t)), t);
        }
        return shared;
      };
      const auto expected = run(Simd::kScalar);
      for (const Simd simd : supported_simd()) CHECK(same_bits(run(simd), expected));
    }
  }
}

TEST_CASE("an island that is given the state goes on like the others", "[optimizer]") {
  for (const std::string name : {"nesterov", "momentum", "sgd", "adam"}) {
    const auto first = make_outer_optimizer({.name = name}, kSize);
    const auto second = make_outer_optimizer({.name = name}, kSize);
    auto shared = normal_floats(kSize, 1);
    for (int t = 1; t <= 3; ++t) first->step(shared, normal_floats(kSize, 20), t);
    auto joined = shared;
    const auto from = first->state(), to = second->state();
    CHECK(std::ssize(from) == outer_state_buffers(name));
    for (std::size_t b = 0; b < from.size(); ++b) {
      std::copy(from[b].begin(), from[b].end(), to[b].begin());
    }
    first->step(shared, normal_floats(kSize, 30), 4);
    second->step(joined, normal_floats(kSize, 30), 4);
    CHECK(same_bits(shared, joined));
  }
}

// With a constant outer gradient both bias-corrected moments are exact from the first step on.
TEST_CASE("adam moves a constant outer gradient by lr d / (|d| + epsilon) every round",
          "[optimizer]") {
  for (const double epsilon : {0.1, 1e-7}) {
    const auto outer = make_outer_optimizer({.name = "adam", .lr = 0.3, .epsilon = epsilon}, 3);
    const std::vector<float> delta{0.25f, -0.01f, 0.0f};
    std::vector<float> shared{1, 1, 1};
    for (int round = 1; round <= 30; ++round) {
      const auto before = shared;
      outer->step(shared, delta, round);
      for (std::size_t i = 0; i < 3; ++i) {
        const double d = delta[i];
        CHECK(before[i] - shared[i] ==
              Approx(0.3 * d / (std::fabs(d) + epsilon)).epsilon(1e-4).margin(2e-6));
      }
    }
  }
}

TEST_CASE("adam follows its recurrence in double for twenty rounds", "[optimizer]") {
  const OuterOptions options{
      .name = "adam", .lr = 0.5, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-3};
  const auto outer = make_outer_optimizer(options, kSize);
  auto shared = normal_floats(kSize, 2);
  std::vector<double> theta(shared.begin(), shared.end()), m(shared.size()), v(shared.size());
  for (int t = 1; t <= 20; ++t) {
    const auto delta = normal_floats(kSize, static_cast<std::uint64_t>(10 + t), 0.01);
    outer->step(shared, delta, t);
    for (std::size_t i = 0; i < theta.size(); ++i) {
      m[i] = 0.8 * m[i] + 0.2 * delta[i];
      v[i] = 0.95 * v[i] + 0.05 * delta[i] * delta[i];
      const double mean = m[i] / (1 - std::pow(0.8, t)), square = v[i] / (1 - std::pow(0.95, t));
      theta[i] -= 0.5 * mean / (std::sqrt(square) + 1e-3);
    }
  }
  double worst = 0;
  for (std::size_t i = 0; i < theta.size(); ++i) {
    worst = std::max(worst, std::fabs(shared[i] - theta[i]) / std::max(1.0, std::fabs(theta[i])));
  }
  CHECK(worst <= 3e-6);
}

TEST_CASE("the outer learning rate follows its schedule over the rounds", "[optimizer]") {
  const OuterOptions constant{.lr = 0.8, .rounds = 4};
  const OuterOptions cosine{.lr = 0.8, .schedule = "cosine", .rounds = 4};
  const OuterOptions linear{.lr = 0.8, .schedule = "linear", .rounds = 4};
  const double cosines[] = {0.8, 0.4 * (1 + std::sqrt(0.5)), 0.4, 0.4 * (1 - std::sqrt(0.5))};
  const double lines[] = {0.8, 0.6, 0.4, 0.2};
  for (int round = 1; round <= 4; ++round) {
    CHECK(constant.rate(round) == 0.8);
    CHECK(cosine.rate(round) == Approx(cosines[round - 1]));
    CHECK(linear.rate(round) == Approx(lines[round - 1]));
    OuterOptions options = linear;
    for (const std::string name : {"nesterov", "momentum", "sgd", "adam"}) {
      options.name = name;
      OuterOptions rate_as_lr{.name = name, .lr = lines[round - 1]};
      auto scheduled = normal_floats(kSize, 1), plain = scheduled;
      make_outer_optimizer(options, kSize)->step(scheduled, normal_floats(kSize, 2), round);
      make_outer_optimizer(rate_as_lr, kSize)->step(plain, normal_floats(kSize, 2), round);
      INFO(name << ", round " << round);
      double worst = 0;
      for (std::size_t i = 0; i < plain.size(); ++i) {
        worst = std::max(worst, std::fabs(double{scheduled[i]} - plain[i]));
      }
      CHECK(worst <= 1e-6);
    }
  }
}

TEST_CASE("impossible outer options name the value and the way out", "[optimizer]") {
  const auto message = [](const OuterOptions& options) -> std::string {
    try {
      make_outer_optimizer(options, 4);
    } catch (const UserError& error) {
      return error.what();
    }
    return "accepted";
  };
  CHECK(message({.name = "lion"}) ==
        "outer optimizer: 'lion' is not known; use one of: nesterov, momentum, sgd, adam");
  CHECK(message({.epsilon = 0}) ==
        "outer epsilon: 0 is not possible; use a number above 1e-45, usually 0.1");
  CHECK(message({.schedule = "step"}) ==
        "outer schedule: 'step' is not known; use one of: constant, cosine, linear");
  CHECK(message({.lr = 0}) == "outer learning rate: 0 is not possible; use a number above 0");
  CHECK(message({.momentum = 1}) == "outer momentum: 1 is not possible; use 0 to below 1");
  CHECK(message({.momentum = std::nan("")}) != "accepted");
  CHECK(message({}) == "accepted");
}

}  // namespace
}  // namespace strait
