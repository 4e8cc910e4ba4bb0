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

}  // namespace strait
