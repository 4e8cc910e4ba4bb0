#include "netsim/jitter.h"

#include "core/base/check.h"
#include "core/base/rng.h"

namespace strait {

Jitter::Jitter(Nanos most, std::uint64_t seed, std::string_view link)
    : most_(most), seed_(seed), purpose_("jitter " + std::string(link)) {
  STRAIT_CHECK(most >= Nanos{0}, "a jitter of {} ns", most.count());
}

Nanos Jitter::drawn(std::int64_t step) const {
  Rng rng(seed_, purpose_, static_cast<std::uint64_t>(step));
  const auto width = static_cast<std::uint64_t>(2 * most_.count() + 1);
  return Nanos{static_cast<std::int64_t>(rng.below(width))} - most_;
}

Nanos Jitter::at(Nanos time) {
  if (none()) return Nanos{0};
  const std::int64_t step = time / kStep;
  if (step != step_) {
    from_ = step == step_ + 1 && step_ >= 0 ? to_ : drawn(step);
    to_ = drawn(step + 1);
    step_ = step;
  }
  return from_ + part_of(to_ - from_, (time % kStep).count(), kStep.count());
}

}  // namespace strait
