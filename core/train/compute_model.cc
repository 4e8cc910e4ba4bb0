#include "core/train/compute_model.h"

#include "core/base/rng.h"

namespace strait {

namespace {
constexpr std::int64_t kMillion = 1'000'000;
}

Nanos ComputeModel::step_cost(IslandId island, std::int64_t step_number) const {
  const auto place = static_cast<std::size_t>(island);
  const Own none;
  const Own& own = place < islands.size() ? islands[place] : none;
  const Nanos whole = own.step.value_or(step);
  const std::int64_t most_ppm = own.jitter_ppm.value_or(jitter_ppm);
  if (most_ppm == 0) return whole;
  const auto draw =
      static_cast<std::uint64_t>(island) << 32 | static_cast<std::uint64_t>(step_number);
  Rng rng(seed, "compute jitter", draw);
  const auto choices = static_cast<std::uint64_t>(2 * most_ppm + 1);
  const std::int64_t ppm = static_cast<std::int64_t>(rng.below(choices)) - most_ppm;
  // In two parts: no overflow for long steps, and short ones have their jitter too.
  const std::int64_t millions = whole.count() / kMillion, rest = whole.count() % kMillion;
  return whole + Nanos{millions * ppm + rest * ppm / kMillion};
}

}  // namespace strait
