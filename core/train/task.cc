#include "core/train/task.h"

#include <algorithm>

#include "core/base/check.h"

namespace strait {

std::vector<Metric> combine(std::span<const std::vector<Metric>> shares) {
  std::size_t sources = 0;
  for (const auto& share : shares) sources += share.size();
  if (sources == 0) return {};

  // Source i is entry i / shares of share i % shares.
  std::vector<Metric> metrics{{.name = "loss", .value = 0}};
  double sum = 0;
  for (std::size_t i = 0; i < sources; ++i) {
    const auto& share = shares[i % shares.size()];
    STRAIT_CHECK(i / shares.size() < share.size(), "share {} of {} has {} of {} sources",
                 i % shares.size(), shares.size(), share.size(), sources);
    metrics.push_back(share[i / shares.size()]);
    sum += metrics.back().value;
  }
  metrics.front().value = sum / static_cast<double>(sources);
  return metrics;
}

std::vector<Metric> mean_of(std::span<const std::int32_t> islands,
                            std::span<const std::vector<Metric>> evaluations) {
  STRAIT_CHECK(islands.size() == evaluations.size(), "{} islands and {} evaluations",
               islands.size(), evaluations.size());
  std::vector<Metric> mean, own;
  for (std::size_t i = 0; i < islands.size(); ++i) {
    const std::vector<Metric> all = combine(evaluations.subspan(i, 1));
    if (all.empty()) return {};
    if (mean.empty()) {
      for (const Metric& metric : all) mean.push_back({.name = metric.name, .value = 0});
    }
    STRAIT_CHECK(all.size() == mean.size(), "island {} has evaluated {} sources of {}", islands[i],
                 all.size() - 1, mean.size() - 1);
    for (std::size_t m = 0; m < all.size(); ++m) {
      mean[m].value += all[m].value / static_cast<double>(islands.size());
    }
    own.push_back(
        {.name = "island_" + std::to_string(islands[i]) + ".loss", .value = all.front().value});
  }
  mean.insert(mean.end(), own.begin(), own.end());
  return mean;
}

StepWork accumulate_step(Task& task, BatchKey key, std::int64_t batches, float scale) {
  StepWork work;
  for (std::int64_t b = 0; b < batches; ++b) {
    const StepWork more = task.accumulate_gradient({key.island, key.step * batches + b},
                                                   scale / static_cast<float>(batches));
    work.examples += more.examples;
    work.tokens += more.tokens;
    work.flops += more.flops;
  }
  return work;
}

}  // namespace strait
