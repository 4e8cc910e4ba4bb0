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
  outer->step(shared, delta);
  double worst = 0;
  for (std::size_t i = 0; i < delta.size(); ++i) {
    worst = std::max(worst, std::fabs(shared[i] - (start[i] - 0.7 * 1.9 * delta[i])));
  }
  CHECK(worst <= 1e-6);
  CHECK(same_bits(outer->momentum_buffer(), delta));
}

// arXiv 2401.09135 eq. 4 as printed there, in double:
//   theta -= lr (beta^2 m_old + (1 + beta) g);  m = beta m_old + g
TEST_CASE("nesterov follows the paper's recurrence for twenty steps", "[optimizer]") {
  auto shared = normal_floats(kSize, 2);
  std::vector<double> theta(shared.begin(), shared.end()), m(shared.size());
  const auto outer = make_outer_optimizer({}, kSize);
  for (std::uint64_t t = 0; t < 20; ++t) {
    const auto delta = normal_floats(kSize, 10 + t, 0.01);
    outer->step(shared, delta);
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
    for (int t = 0; t < 300; ++t) outer->step(shared, delta);
    shared[0] = 0;
    outer->step(shared, delta);
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
      outer->step(shared, delta);
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
  outer->step(shared, delta);
  double worst = 0;
  for (std::size_t i = 0; i < local.size(); ++i) {
    worst = std::max(worst, std::fabs(double{shared[i]} - local[i]));
  }
  CHECK(worst <= 1e-6);  // fl(s - fl(s - x)) is not x
  CHECK(outer->momentum_buffer().empty());
}

TEST_CASE("outer optimizers' twins give the same bits", "[optimizer]") {
  for (const std::string name : {"nesterov", "momentum", "sgd"}) {
    for (std::int64_t n = 0; n < 200; n += 7) {
      const auto run = [&](Simd simd) {
        auto shared = normal_floats(n, 3);
        const auto outer = make_outer_optimizer({.name = name}, n, simd);
        for (std::uint64_t t = 0; t < 5; ++t) outer->step(shared, normal_floats(n, 4 + t));
        return shared;
      };
      const auto expected = run(Simd::kScalar);
      for (const Simd simd : supported_simd()) CHECK(same_bits(run(simd), expected));
    }
  }
}

TEST_CASE("an island that is given the momentum goes on like the others", "[optimizer]") {
  const auto first = make_outer_optimizer({}, kSize), second = make_outer_optimizer({}, kSize);
  auto shared = normal_floats(kSize, 1);
  for (std::uint64_t t = 0; t < 3; ++t) first->step(shared, normal_floats(kSize, 20 + t));
  auto joined = shared;
  std::copy(first->momentum_buffer().begin(), first->momentum_buffer().end(),
            second->momentum_buffer().begin());
  first->step(shared, normal_floats(kSize, 30));
  second->step(joined, normal_floats(kSize, 30));
  CHECK(same_bits(shared, joined));
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
  CHECK(message({.name = "adam"}) ==
        "outer optimizer: 'adam' is not known; use one of: nesterov, momentum, sgd");
  CHECK(message({.lr = 0}) == "outer learning rate: 0 is not possible; use a number above 0");
  CHECK(message({.momentum = 1}) == "outer momentum: 1 is not possible; use 0 to below 1");
  CHECK(message({.momentum = std::nan("")}) != "accepted");
  CHECK(message({}) == "accepted");
}

}  // namespace
}  // namespace strait
