#include "core/train/compute_model.h"

#include "core/base/rng.h"

namespace strait {

namespace {
constexpr std::int64_t kMillion = 1'000'000;
}

ComputeModel::Own ComputeModel::own(IslandId island) const {
  const auto place = static_cast<std::size_t>(island);
  return place < islands.size() ? islands[place] : Own{};
}

Nanos ComputeModel::usual_step(IslandId island) const {
  const Own special = own(island);
  const std::int64_t whole = special.step.value_or(step).count();
  // An hour times a million fits.
  return Nanos{(whole * kMillion + special.speed_ppm / 2) / special.speed_ppm};
}

Nanos ComputeModel::step_cost(IslandId island, std::int64_t step_number) const {
  const Nanos whole = usual_step(island);
  const std::int64_t most_ppm = own(island).jitter_ppm.value_or(jitter_ppm);
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
