// Inner optimizers: PyTorch's numbers, a double-precision reference, equal twins, clipping, decay
// by stretches, padding, refused steps.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/errors.h"
#include "core/train/inner_optimizer.h"
#include "tests/support/catch.h"
#include "tests/support/floats.h"

namespace strait {
namespace {

// Matrices of 35 and 600 and two biases: odd sizes, padding behind each.
ParameterLayout small_layout() {
  ParameterLayout layout;
  layout.add("a.weight", {5, 7}, 0, true);
  layout.add("a.bias", {7}, 0, false);
  layout.add("b.bias", {3}, 1, false);
  layout.add("b.weight", {20, 30}, 1, true);
  return layout;
}

// Normal values for the parameters, zero for the padding.
std::vector<float> with_padding(const ParameterLayout& layout, std::uint64_t seed) {
  const auto values = normal_floats(layout.size(), seed);
  std::vector<float> padded(values.size(), 0.0f);
  for (const Parameter& p : layout.parameters()) {
    std::copy_n(values.begin() + p.offset, p.size, padded.begin() + p.offset);
  }
  return padded;
}

std::vector<float> values_of(InnerOptimizer& optimizer, std::string_view name) {
  for (const auto& state : optimizer.state()) {
    if (state.name == name) return {state.values.begin(), state.values.end()};
  }
  return {};
}

TEST_CASE("an optimizer that was reset goes on like a new one", "[optimizer]") {
  for (const std::string name : {"adamw", "sgd"}) {
    const ParameterLayout layout = small_layout();
    const InnerOptions options{.name = name};
    const auto used = make_inner_optimizer(options, layout);
    const auto fresh = make_inner_optimizer(options, layout);
    CHECK(std::ssize(used->state()) == inner_state_buffers(name));
    auto p = with_padding(layout, 1);
    for (std::uint64_t t = 0; t < 5; ++t) used->step(p, with_padding(layout, 10 + t), 0.1);
    auto q = p;
    reset(*used);
    CHECK(used->steps_taken() == 0);
    for (std::uint64_t t = 0; t < 3; ++t) {
      used->step(p, with_padding(layout, 20 + t), 0.1);
      fresh->step(q, with_padding(layout, 20 + t), 0.1);
    }
    CHECK(same_bits(p, q));
  }
}

// torch.optim of LibTorch 2.11, ten steps with rising rates, clipped at 1: three decayed and three
// other parameters. torch::optim::AdamW and at::_fused_adamw_ differ from each other by 6e-8.
TEST_CASE("ten steps of adamw end where PyTorch's do", "[optimizer]") {
  ParameterLayout layout;
  layout.add("a", {3}, 0, true);
  layout.add("b", {3}, 0, false);
  std::vector<float> p(32, 0.0f), g(32, 0.0f);
  const auto place = [](int i) { return static_cast<std::size_t>(i < 3 ? i : 16 + i - 3); };
  for (int i = 0; i < 6; ++i) p[place(i)] = static_cast<float>(i - 2) / 4;
  const auto optimizer = make_inner_optimizer({}, layout);
  double norm = 0;
  for (int t = 0; t < 10; ++t) {
    for (int i = 0; i < 6; ++i) g[place(i)] = static_cast<float>((7 * i + 13 * t) % 19 - 9) / 8;
    norm = optimizer->step(p, g, 0.01 * (t + 1));
    if (t == 0) CHECK(norm == Approx(1.80277562).epsilon(1e-8));
    if (t == 0) CHECK(p[0] == Approx(-0.489500016).epsilon(1e-6));
  }
  CHECK(norm == Approx(1.79843688).epsilon(1e-7));  // PyTorch sums in float
  CHECK(optimizer->steps_taken() == 10);
  const double expected[] = {-0.327099502, -0.126909941, -0.0181019679,
                             0.204698384,  0.415138006,  0.577696145};
  for (int i = 0; i < 6; ++i) CHECK(p[place(i)] == Approx(expected[i]).margin(1e-7));
  const double moments[] = {-0.0682154223, -0.00189693761, 0.0361517705};
  const double squares[] = {0.0637319311, 0.0664319694, 0.0642343238};
  for (int i = 0; i < 3; ++i) {
    CHECK(values_of(*optimizer, "m")[place(i)] == Approx(moments[i]).margin(2e-8));
    CHECK(values_of(*optimizer, "v")[place(i)] == Approx(squares[i]).margin(2e-8));
  }
}

// The textbook, in double, without clipping.
TEST_CASE("adamw follows its definition over a hundred steps", "[optimizer]") {
  const auto layout = small_layout();
  const InnerOptions options{.beta1 = 0.8, .beta2 = 0.99, .weight_decay = 0.3, .clip_norm = 0};
  const auto optimizer = make_inner_optimizer(options, layout);
  auto p = with_padding(layout, 1);
  std::vector<double> q(p.begin(), p.end()), m(p.size()), v(p.size());
  for (int t = 1; t <= 100; ++t) {
    const auto g = with_padding(layout, 100 + static_cast<std::uint64_t>(t));
    const double lr = 0.01 / t;
    optimizer->step(p, g, lr);
    for (const Parameter& parameter : layout.parameters()) {
      for (auto i = parameter.offset; i < parameter.offset + parameter.size; ++i) {
        if (parameter.decayed) q[i] *= 1 - lr * 0.3;
        m[i] = 0.8 * m[i] + 0.2 * g[i];
        v[i] = 0.99 * v[i] + 0.01 * g[i] * g[i];
        q[i] -= lr * (m[i] / (1 - std::pow(0.8, t))) /
                (std::sqrt(v[i]) / std::sqrt(1 - std::pow(0.99, t)) + 1e-8);
      }
    }
  }
  double worst = 0;
  for (std::size_t i = 0; i < p.size(); ++i) worst = std::max(worst, std::fabs(p[i] - q[i]));
  CHECK(worst < 5e-6);  // a hundred roundings of values up to 4
}

TEST_CASE("inner optimizers' twins give the same bits", "[optimizer]") {
  for (const std::string name : {"adamw", "sgd"}) {
    for (std::int64_t odd = 1; odd < 90; odd += 4) {
      ParameterLayout layout;
      layout.add("a.weight", {odd}, 0, true);
      layout.add("b.bias", {3 * odd}, 0, false);
      layout.add("c.weight", {31 * odd}, 0, true);
      auto expected = with_padding(layout, 5);
      const auto start = expected;
      const auto plain = make_inner_optimizer({.name = name}, layout, Simd::kScalar);
      for (int t = 0; t < 4; ++t) plain->step(expected, with_padding(layout, 6), 1e-2);
      for (const Simd simd : supported_simd()) {
        auto p = start;
        const auto twin = make_inner_optimizer({.name = name}, layout, simd);
        for (int t = 0; t < 4; ++t) twin->step(p, with_padding(layout, 6), 1e-2);
        CHECK(same_bits(p, expected));
        CHECK(same_bits(values_of(*twin, "v"), values_of(*plain, "v")));
      }
    }
  }
}

TEST_CASE("clipping scales the whole gradient and reports the norm before", "[optimizer]") {
  const auto layout = small_layout();
  const auto gradient = with_padding(layout, 3);
  const double norm = l2_norm(gradient);
  REQUIRE(norm > 20);
  // A step that clips equals a step without clipping on the scaled gradient.
  auto clipped = with_padding(layout, 4);
  auto scaled = clipped;
  const auto start = clipped;
  const InnerOptions sgd{.name = "sgd", .weight_decay = 0, .clip_norm = 0.5};
  CHECK(make_inner_optimizer(sgd, layout)->step(clipped, gradient, 1.0) == norm);
  InnerOptions free = sgd;
  free.clip_norm = 0;
  auto small = gradient;
  for (float& x : small) x *= static_cast<float>(0.5 / (norm + 1e-6));
  make_inner_optimizer(free, layout)->step(scaled, small, 1.0);
  CHECK(same_bits(clipped, scaled));
  // Below the limit nothing is scaled.
  InnerOptions loose = sgd;
  loose.clip_norm = norm * 1.01;
  auto a = start, b = start;
  make_inner_optimizer(loose, layout)->step(a, gradient, 1.0);
  make_inner_optimizer(free, layout)->step(b, gradient, 1.0);
  CHECK(same_bits(a, b));
  CHECK_FALSE(same_bits(a, clipped));
}

TEST_CASE("decay touches decayed parameters only, before the step", "[optimizer]") {
  const auto layout = small_layout();
  CHECK(decay_runs(layout) ==
        std::vector<DecayRun>{{0, 48, true}, {48, 80, false}, {80, layout.size(), true}});
  for (const std::string name : {"adamw", "sgd"}) {
    auto p = with_padding(layout, 8);
    const auto start = p;
    const std::vector<float> none(p.size(), 0.0f);
    make_inner_optimizer({.name = name, .weight_decay = 0.5}, layout)->step(p, none, 0.1);
    CHECK(p[3] == start[3] * 0.95f);
    CHECK(p[50] == start[50]);  // a.bias
    CHECK(p[66] == start[66]);  // b.bias
    CHECK(p[679] == start[679] * 0.95f);
  }
}

TEST_CASE("padding stays zero", "[optimizer]") {
  const auto layout = small_layout();
  for (const std::string name : {"adamw", "sgd"}) {
    auto p = with_padding(layout, 9);
    const auto optimizer = make_inner_optimizer({.name = name}, layout);
    for (int t = 0; t < 20; ++t) optimizer->step(p, with_padding(layout, 10), 0.1);
    for (std::size_t i = 35; i < 48; ++i) CHECK((p[i] == 0 && !std::signbit(p[i])));
    CHECK(p[679] != 0);
    for (std::size_t i = 680; i < p.size(); ++i) CHECK(p[i] == 0);
  }
}

TEST_CASE("a gradient that is not finite changes nothing and says so", "[optimizer]") {
  const auto layout = small_layout();
  for (const float bad :
       {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    const auto optimizer = make_inner_optimizer({}, layout);
    auto p = with_padding(layout, 1);
    auto g = with_padding(layout, 2);
    optimizer->step(p, g, 0.1);
    const auto before = p;
    const auto m = values_of(*optimizer, "m");
    g[3] = bad;
    CHECK_FALSE(std::isfinite(optimizer->step(p, g, 0.1)));
    CHECK(same_bits(p, before));
    CHECK(same_bits(values_of(*optimizer, "m"), m));
    CHECK(optimizer->steps_taken() == 1);
  }
  // The largest finite gradient is a gradient: its square overflows in float only.
  auto p = with_padding(layout, 1);
  std::vector<float> huge(p.size(), 0.0f);
  huge[0] = std::numeric_limits<float>::max();
  CHECK(std::isfinite(make_inner_optimizer({}, layout)->step(p, huge, 0.1)));
  CHECK(all_finite(p));
}

// What a joining island does: state and step count handed over, then bit for bit the same steps.
TEST_CASE("an optimizer goes on from another's state", "[optimizer]") {
  const auto layout = small_layout();
  const auto first = make_inner_optimizer({}, layout);
  auto p = with_padding(layout, 1);
  for (int t = 0; t < 7; ++t) first->step(p, with_padding(layout, 2), 0.01);

  const auto second = make_inner_optimizer({}, layout);
  auto q = p;
  const auto from = first->state(), to = second->state();
  REQUIRE(to.size() == 2);
  for (std::size_t i = 0; i < to.size(); ++i) {
    std::copy(from[i].values.begin(), from[i].values.end(), to[i].values.begin());
  }
  second->set_steps_taken(first->steps_taken());
  for (int t = 0; t < 3; ++t) {
    first->step(p, with_padding(layout, 3), 0.01);
    second->step(q, with_padding(layout, 3), 0.01);
  }
  CHECK(same_bits(p, q));
}

TEST_CASE("impossible inner options name the value and the way out", "[optimizer]") {
  const auto layout = small_layout();
  const auto message = [&](const InnerOptions& options) -> std::string {
    try {
      make_inner_optimizer(options, layout);
    } catch (const UserError& error) {
      return error.what();
    }
    return "accepted";
  };
  CHECK(message({.name = "adam"}) ==
        "inner optimizer: 'adam' is not known; use one of: adamw, sgd");
  CHECK(message({.beta1 = 1}) == "inner beta1: 1 is not possible; use 0 to below 1");
  CHECK(message({.beta2 = -0.1}) != "accepted");
  CHECK(message({.epsilon = 0}) != "accepted");
  CHECK(message({.weight_decay = -1}) != "accepted");
  CHECK(message({.clip_norm = std::nan("")}) != "accepted");
  CHECK(message({}) == "accepted");
}

}  // namespace
}  // namespace strait
