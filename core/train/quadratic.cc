#include "core/train/quadratic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "core/base/check.h"
#include "core/base/errors.h"
#include "core/base/race_check.h"
#include "core/base/rng.h"
#include "core/train/lane_sum.h"

namespace strait {
namespace {

// Terms of a sum are made in a chunk that stays in cache, then added in the sum's own order.
constexpr std::int64_t kChunk = 256;

// A sequence of normal-like numbers: index times an odd number plus an offset, mixed (the constants
// are Chris Wellons' "lowbias32"), then the sum of the four bytes.
struct Draws {
  std::uint32_t factor, offset;
};

Draws draws(std::uint64_t seed, std::string_view purpose, std::uint64_t index) {
  const std::uint64_t key = Rng(seed, purpose, index).next();
  return {.factor = static_cast<std::uint32_t>(key >> 32) | 1u,
          .offset = static_cast<std::uint32_t>(key)};
}

STRAIT_KERNEL float draw(Draws sequence, std::int64_t index) {
  std::uint32_t x = static_cast<std::uint32_t>(index) * sequence.factor + sequence.offset;
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  x ^= x >> 16;
  const std::uint32_t sum = (x & 255u) + ((x >> 8) & 255u) + ((x >> 16) & 255u) + (x >> 24);
  constexpr float kOverDeviation = 1 / 147.80054f;  // of four bytes: sqrt(4 (256^2 - 1) / 12)
  return static_cast<float>(static_cast<std::int32_t>(sum) - 510) * kOverDeviation;
}

struct FillNormal {
  STRAIT_KERNEL void run(float* out, std::int64_t begin, std::int64_t end, Draws sequence) {
    STRAIT_INDEPENDENT
    for (std::int64_t i = begin; i < end; ++i) out[i] = draw(sequence, i);
  }
};

struct FillCentre {
  STRAIT_KERNEL void run(float* out, const float* common, std::int64_t begin, std::int64_t end,
                         float spread, Draws direction) {
    STRAIT_INDEPENDENT
    for (std::int64_t i = begin; i < end; ++i) out[i] = common[i] + spread * draw(direction, i);
  }
};

// Adds scale times the gradient of parameters begin..end and returns their part of the loss.
struct Accumulate {
  STRAIT_KERNEL double run(const float* x, const float* centre, const float* eigenvalues, float* g,
                           std::int64_t begin, std::int64_t end, float scale, float noise,
                           Draws batch) {
    LaneSum loss;
    float terms[kChunk];
    for (std::int64_t at = begin; at < end; at += kChunk) {
      const std::int64_t n = std::min(kChunk, end - at);
      STRAIT_INDEPENDENT
      for (std::int64_t j = 0; j < n; ++j) {
        const std::int64_t i = at + j;
        const float away = x[i] - centre[i];
        const float pull = eigenvalues[i] * away;
        const float push = noise * draw(batch, i);
        g[i] += scale * (pull + push);
        terms[j] = away * (0.5f * pull + push);
      }
      loss.add(terms, n);
    }
    return loss.total();
  }
};

// 1/2 (x - centre)^T A (x - centre).
struct Loss {
  STRAIT_KERNEL double run(const float* x, const float* centre, const float* eigenvalues,
                           std::int64_t size) {
    LaneSum loss;
    float terms[kChunk];
    for (std::int64_t at = 0; at < size; at += kChunk) {
      const std::int64_t n = std::min(kChunk, size - at);
      for (std::int64_t j = 0; j < n; ++j) {
        const float away = x[at + j] - centre[at + j];
        terms[j] = 0.5f * eigenvalues[at + j] * away * away;
      }
      loss.add(terms, n);
    }
    return loss.total();
  }
};

void require(bool good, std::string_view key, double value, std::string_view limits) {
  if (!good) {
    throw UserError(fmt::format("quadratic {}: {} is not possible; use {}", key, value, limits));
  }
}

void check(const QuadraticOptions& options) {
  require(options.layers >= 1, "layers", options.layers, "1 or more");
  require(options.size >= 32 * std::int64_t{options.layers}, "size",
          static_cast<double>(options.size), "at least 32 parameters per layer");
  require(options.size <= std::numeric_limits<std::int32_t>::max(), "size",
          static_cast<double>(options.size), "at most 2147483647 parameters");
  require(options.conditioning >= 1 && options.conditioning <= 1e12, "conditioning",
          options.conditioning, "1 to 1e12");
  require(options.spread >= 0 && options.spread <= 1e6, "spread", options.spread, "0 to 1e6");
  require(options.noise >= 0 && options.noise <= 1e6, "noise", options.noise, "0 to 1e6");
  require(options.islands >= 1, "islands", options.islands, "1 or more");
}

// A weight and a small bias per layer. Weights share what the biases leave, 1 : 2 : 3 : 1 : 2 ...
ParameterLayout make_layout(const QuadraticOptions& options) {
  std::int64_t left = options.size, parts = 0;
  const auto bias = [](int layer) { return std::int64_t{3 + 2 * (layer % 5)}; };
  for (int layer = 0; layer < options.layers; ++layer) {
    left -= bias(layer);
    parts += 1 + layer % 3;
  }
  ParameterLayout layout;
  for (int layer = 0; layer < options.layers; ++layer) {
    const std::int64_t part = 1 + layer % 3;
    const std::int64_t weight = left / parts * part + left % parts * part / parts;
    layout.add(fmt::format("layer{}.weight", layer), {weight}, layer, /*decayed=*/true);
    layout.add(fmt::format("layer{}.bias", layer), {bias(layer)}, layer, /*decayed=*/false);
    left -= weight;
    parts -= part;
  }
  return layout;
}

}  // namespace

QuadraticTask::QuadraticTask(const QuadraticOptions& options, std::uint64_t seed, Simd simd)
    : options_((check(options), options)),
      seed_(seed),
      simd_(simd),
      layout_(make_layout(options)),
      parameters_(static_cast<std::size_t>(layout_.size())),
      gradients_(parameters_.size()),
      eigenvalues_(parameters_.size()),
      common_(parameters_.size()),
      optimum_(parameters_.size()),
      centre_(parameters_.size()) {
  spread_eigenvalues();
  for (const Parameter& p : layout_.parameters()) {
    run_kernel<FillNormal>(simd_, common_.data(), p.offset, p.offset + p.size,
                           draws(seed_, "quadratic common", 0));
  }
  find_optimum();
  initialize();
}

void QuadraticTask::spread_eigenvalues() {
  Rng rng(seed_, "quadratic eigenvalues");
  const auto rank = permutation(static_cast<std::uint32_t>(layout_.count()), rng);
  const double slope = -std::log(options_.conditioning) / static_cast<double>(layout_.count() - 1);
  auto next = rank.begin();
  for (const Parameter& p : layout_.parameters()) {
    for (std::int64_t i = p.offset; i < p.offset + p.size; ++i) {
      eigenvalues_[static_cast<std::size_t>(i)] = static_cast<float>(std::exp(slope * *next++));
    }
  }
}

void QuadraticTask::fill_centre(std::int64_t island, FlatBuffer& centre) const {
  const Draws direction = draws(seed_, "quadratic island", static_cast<std::uint64_t>(island));
  for (const Parameter& p : layout_.parameters()) {
    run_kernel<FillCentre>(simd_, centre.data(), common_.data(), p.offset, p.offset + p.size,
                           static_cast<float>(options_.spread), direction);
  }
}

void QuadraticTask::find_optimum() {
  std::vector<double> sum(optimum_.size());
  FlatBuffer centre(optimum_.size());
  for (int island = 0; island < options_.islands; ++island) {
    fill_centre(island, centre);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += centre[i];
  }
  for (std::size_t i = 0; i < sum.size(); ++i) {
    optimum_[i] = static_cast<float>(sum[i] / options_.islands);
  }
  for (int island = 0; island < options_.islands; ++island) {
    fill_centre(island, centre);
    optimal_loss_ += run_kernel<Loss>(simd_, optimum_.data(), centre.data(), eigenvalues_.data(),
                                      layout_.size()) /
                     options_.islands;
  }
}

void QuadraticTask::initialize() {
  for (const Parameter& p : layout_.parameters()) {
    run_kernel<FillNormal>(simd_, parameters_.data(), p.offset, p.offset + p.size,
                           draws(seed_, "quadratic start", 0));
  }
}

void QuadraticTask::clear_gradients() {
  std::memset(gradients_.data(), 0, gradients_.size() * sizeof(float));
}

StepWork QuadraticTask::accumulate_gradient(BatchKey key, float scale) {
  if (centre_of_ != key.island) {
    fill_centre(key.island, centre_);
    centre_of_ = key.island;
  }
  STRAIT_CHECK(key.step >= 0 && key.step >> 32 == 0, "step {}", key.step);
  const auto index =
      static_cast<std::uint64_t>(key.island) << 32 | static_cast<std::uint64_t>(key.step);
  const Draws batch = draws(seed_, "quadratic batch", index);
  double loss = 0;
  for (const Parameter& p : layout_.parameters()) {
    loss += run_kernel<Accumulate>(simd_, parameters_.data(), centre_.data(), eigenvalues_.data(),
                                   gradients_.data(), p.offset, p.offset + p.size, scale,
                                   static_cast<float>(options_.noise), batch);
  }
  losses_.push_back(loss);
  return {.examples = 1, .tokens = 1, .flops = 6.0 * static_cast<double>(layout_.count())};
}

std::vector<double> QuadraticTask::take_losses() { return std::exchange(losses_, {}); }

std::vector<Metric> QuadraticTask::evaluate(std::span<const float> parameters, int share,
                                            int shares) {
  STRAIT_CHECK(std::ssize(parameters) == layout_.size(), "{} parameters for a layout of {}",
               parameters.size(), layout_.size());
  STRAIT_CHECK(share >= 0 && share < shares, "share {} of {}", share, shares);
  if (share != 0) return {};
  reads_all(parameters);
  // The mean over the islands of a quadratic is the quadratic around the mean, plus a constant.
  const double loss = run_kernel<Loss>(simd_, parameters.data(), optimum_.data(),
                                       eigenvalues_.data(), layout_.size());
  return {{.name = "loss.quadratic", .value = loss + optimal_loss_}};
}

ParameterLayout quadratic_layout(const QuadraticOptions& options) {
  check(options);
  return make_layout(options);
}

std::unique_ptr<Task> make_quadratic_task(const QuadraticOptions& options, std::uint64_t seed) {
  return std::make_unique<QuadraticTask>(options, seed);
}

}  // namespace strait
