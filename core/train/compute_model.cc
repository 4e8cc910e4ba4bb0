#include "core/train/compute_model.h"

#include "core/base/rng.h"

namespace strait {

Nanos ComputeModel::step_cost(IslandId island, std::int64_t step_number) const {
  if (jitter_ppm == 0) return step;
  Rng rng(seed ^ static_cast<std::uint64_t>(step_number) << 20, "compute jitter",
          static_cast<std::uint64_t>(island));
  const auto span = static_cast<std::uint64_t>(2 * jitter_ppm + 1);
  const std::int64_t ppm = static_cast<std::int64_t>(rng.below(span)) - jitter_ppm;
  return step + Nanos{step.count() / 1'000'000 * ppm};
}

}  // namespace strait
