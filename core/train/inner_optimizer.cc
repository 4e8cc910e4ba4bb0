#include "core/train/inner_optimizer.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "core/base/race_check.h"

namespace strait {

std::vector<DecayRun> decay_runs(const ParameterLayout& layout) {
  std::vector<DecayRun> runs;
  const auto& parameters = layout.parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const bool last = i + 1 == parameters.size();
    const std::int64_t end = last ? layout.size() : parameters[i + 1].offset;
    if (runs.empty() || runs.back().decayed != parameters[i].decayed) {
      runs.push_back({parameters[i].offset, end, parameters[i].decayed});
    } else {
      runs.back().end = end;
    }
  }
  return runs;
}

FlatInnerOptimizer::FlatInnerOptimizer(const InnerOptions& options, const ParameterLayout& layout,
                                       Simd simd)
    : options_(options), simd_(simd), size_(layout.size()), runs_(decay_runs(layout)) {}

double FlatInnerOptimizer::step(std::span<float> parameters, std::span<const float> gradients,
                                double lr) {
  STRAIT_CHECK(std::ssize(parameters) == size_ && std::ssize(gradients) == size_,
               "{} parameters and {} gradients for a layout of {}", parameters.size(),
               gradients.size(), size_);
  STRAIT_CHECK(std::isfinite(lr) && lr >= 0, "learning rate {}", lr);
  const double norm = l2_norm(gradients, simd_);
  if (!std::isfinite(norm)) return norm;
  ++steps_;
  begin_step({.lr = lr, .clip = clip_factor(norm), .step = steps_});
  const auto decay = static_cast<float>(1 - lr * options_.weight_decay);
  writes_all(parameters);
  for (const DecayRun& run : runs_) {
    update(run.begin, run.end, run.decayed ? decay : 1.0f, parameters.data(), gradients.data());
  }
  return norm;
}

double FlatInnerOptimizer::clip_factor(double norm) const {
  if (options_.clip_norm == 0) return 1;
  return std::min(1.0, options_.clip_norm / (norm + 1e-6));
}

void FlatInnerOptimizer::set_steps_taken(std::int64_t steps) {
  STRAIT_CHECK(steps >= 0, "{} steps taken", steps);
  steps_ = steps;
}

}  // namespace strait
