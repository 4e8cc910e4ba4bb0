#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "core/base/errors.h"
#include "core/train/optimizer.h"

namespace strait {

double Schedule::rate(std::int64_t step) const {
  if (step < warmup_steps) {
    return peak * static_cast<double>(step + 1) / static_cast<double>(warmup_steps);
  }
  if (step >= steps) return peak * final_fraction;
  const double progress =
      static_cast<double>(step - warmup_steps) / static_cast<double>(steps - warmup_steps);
  const double cosine = (1 + std::cos(std::numbers::pi * progress)) / 2;  // 1 to 0
  return peak * (final_fraction + (1 - final_fraction) * cosine);
}

void Schedule::check() const {
  if (!(peak > 0 && std::isfinite(peak))) {
    throw UserError(fmt::format("schedule: a peak learning rate of {} is not above 0", peak));
  }
  if (steps < 1 || warmup_steps < 0 || warmup_steps > steps) {
    throw UserError(
        fmt::format("schedule: {} warm-up steps do not fit in a run of {} steps; take 0 to {}",
                    warmup_steps, steps, steps));
  }
  if (!(final_fraction >= 0 && final_fraction <= 1)) {
    throw UserError(
        fmt::format("schedule: a final fraction of {} is outside 0 to 1", final_fraction));
  }
}

}  // namespace strait
