// The tables from an optimizer's name to its maker, and the limits of the options.
#include "core/train/optimizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "core/base/errors.h"
#include "core/train/inner_optimizer.h"
#include "core/train/outer_optimizer.h"

namespace strait {
namespace {

template <class Maker>
struct Row {
  std::string_view name;
  Maker make;
  std::int64_t buffers;  // of state
};

constexpr Row<decltype(&make_adamw)> kInner[] = {
    {"adamw", make_adamw, 2},
    {"sgd", make_inner_sgd, 0},
};

constexpr Row<decltype(&make_nesterov)> kOuter[] = {
    {"nesterov", make_nesterov, 1},
    {"momentum", make_heavy_ball, 1},
    {"sgd", make_outer_sgd, 0},
    {"adam", make_outer_adam, 2},
};

template <class Maker, std::size_t kRows>
Maker find(const Row<Maker> (&table)[kRows], std::string_view what, std::string_view name) {
  std::string known;
  for (const auto& row : table) {
    if (row.name == name) return row.make;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw UserError(
      fmt::format("{} optimizer: '{}' is not known; use one of: {}", what, name, known));
}

template <class Maker, std::size_t kRows>
std::int64_t buffers_of(const Row<Maker> (&table)[kRows], std::string_view name) {
  for (const auto& row : table) {
    if (row.name == name) return row.buffers;
  }
  return 0;
}

void require(bool good, std::string_view key, double value, std::string_view limits) {
  if (!good) throw UserError(fmt::format("{}: {} is not possible; use {}", key, value, limits));
}

bool at_least_zero(double value) { return std::isfinite(value) && value >= 0; }
bool above_zero(double value) { return std::isfinite(value) && value > 0; }
bool fraction(double value) { return value >= 0 && value < 1; }

void check(const InnerOptions& options) {
  require(fraction(options.beta1), "inner beta1", options.beta1, "0 to below 1");
  require(fraction(options.beta2), "inner beta2", options.beta2, "0 to below 1");
  // Above 0 as a float, too: it keeps 0 / 0 out of parameters that never had a gradient.
  require(above_zero(options.epsilon) && static_cast<float>(options.epsilon) > 0, "inner epsilon",
          options.epsilon, "a number above 1e-45, usually 1e-8");
  require(at_least_zero(options.weight_decay), "inner weight decay", options.weight_decay,
          "0 or more");
  require(at_least_zero(options.clip_norm), "inner clip norm", options.clip_norm,
          "a number above 0, or 0 for no clipping");
}

void check(const OuterOptions& options) {
  require(above_zero(options.lr), "outer learning rate", options.lr, "a number above 0");
  require(fraction(options.momentum), "outer momentum", options.momentum, "0 to below 1");
  require(fraction(options.beta1), "outer beta1", options.beta1, "0 to below 1");
  require(fraction(options.beta2), "outer beta2", options.beta2, "0 to below 1");
  require(above_zero(options.epsilon) && static_cast<float>(options.epsilon) > 0, "outer epsilon",
          options.epsilon, "a number above 1e-45, usually 0.1");
  const std::string& schedule = options.schedule;
  if (schedule != "constant" && schedule != "cosine" && schedule != "linear") {
    throw UserError(fmt::format(
        "outer schedule: '{}' is not known; use one of: constant, cosine, linear", schedule));
  }
}

}  // namespace

void reset(InnerOptimizer& optimizer) {
  for (const auto& state : optimizer.state()) {
    std::fill(state.values.begin(), state.values.end(), 0.0f);
  }
  optimizer.set_steps_taken(0);
}

std::int64_t inner_state_buffers(std::string_view name) { return buffers_of(kInner, name); }
std::int64_t outer_state_buffers(std::string_view name) { return buffers_of(kOuter, name); }

std::vector<std::string> outer_state_names(std::size_t buffers) {
  STRAIT_CHECK(buffers <= 2, "an outer optimizer of {} buffers", buffers);
  if (buffers == 2) return {"m", "v"};  // Adam's
  return std::vector<std::string>(buffers, "momentum");
}

std::unique_ptr<InnerOptimizer> make_inner_optimizer(const InnerOptions& options,
                                                     const ParameterLayout& layout, Simd simd) {
  const auto make = find(kInner, "inner", options.name);
  check(options);
  return make(options, layout, simd);
}

std::unique_ptr<OuterOptimizer> make_outer_optimizer(const OuterOptions& options, std::int64_t size,
                                                     Simd simd) {
  const auto make = find(kOuter, "outer", options.name);
  check(options);
  return make(options, size, simd);
}

}  // namespace strait
