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
  if (name == "constant") return peak;
  if (step >= steps) return peak * final_fraction;
  if (name == "wsd") {
    const std::int64_t into = step - (steps - decay_steps);
    if (into <= 0) return peak;
    const double progress = static_cast<double>(into) / static_cast<double>(decay_steps);
    return peak * (1 - (1 - final_fraction) * progress);
  }
  const double progress =
      static_cast<double>(step - warmup_steps) / static_cast<double>(steps - warmup_steps);
  const double cosine = (1 + std::cos(std::numbers::pi * progress)) / 2;  // 1 to 0
  return peak * (final_fraction + (1 - final_fraction) * cosine);
}

void Schedule::check() const {
  if (name != "cosine" && name != "constant" && name != "wsd") {
    throw UserError(
        fmt::format("schedule: '{}' is not known; use one of: cosine, constant, wsd", name));
  }
  if (!(peak > 0 && std::isfinite(peak))) {
    throw UserError(fmt::format("schedule: a peak learning rate of {} is not above 0", peak));
  }
  if (steps < 1 || warmup_steps < 0 || warmup_steps > steps) {
    throw UserError(
        fmt::format("schedule: {} warm-up steps do not fit in a run of {} steps; take 0 to {}",
                    warmup_steps, steps, steps));
  }
  if (name == "wsd" && (decay_steps < 0 || decay_steps > steps - warmup_steps)) {
    throw UserError(
        fmt::format("schedule: {} steps of decay do not fit behind {} warm-up steps in a run of {}",
                    decay_steps, warmup_steps, steps));
  }
  if (!(final_fraction >= 0 && final_fraction <= 1)) {
    throw UserError(
        fmt::format("schedule: a final fraction of {} is outside 0 to 1", final_fraction));
  }
}

double OuterOptions::rate(std::int64_t round) const {
  const double behind = static_cast<double>(round - 1) / static_cast<double>(rounds);
  if (schedule == "cosine") return lr * (1 + std::cos(std::numbers::pi * behind)) / 2;
  if (schedule == "linear") return lr * (1 - behind);
  return lr;
}

}  // namespace strait
