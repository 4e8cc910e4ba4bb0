#include "core/train/compute_model.h"

#include "core/base/rng.h"

namespace strait {

namespace {
constexpr std::int64_t kMillion = 1'000'000;
}

Nanos ComputeModel::step_cost(IslandId island, std::int64_t step_number) const {
  if (jitter_ppm == 0) return step;
  const auto draw =
      static_cast<std::uint64_t>(island) << 32 | static_cast<std::uint64_t>(step_number);
  Rng rng(seed, "compute jitter", draw);
  const auto choices = static_cast<std::uint64_t>(2 * jitter_ppm + 1);
  const std::int64_t ppm = static_cast<std::int64_t>(rng.below(choices)) - jitter_ppm;
  // In two parts: no overflow for long steps, and short ones have their jitter too.
  const std::int64_t millions = step.count() / kMillion, rest = step.count() % kMillion;
  return step + Nanos{millions * ppm + rest * ppm / kMillion};
}

}  // namespace strait
