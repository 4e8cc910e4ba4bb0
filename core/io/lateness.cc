#include "core/io/lateness.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace strait {

void Lateness::add(Nanos late) {
  late = std::max(late, Nanos{0});
  ++buckets_[bucket_of(late)];
  ++count_;
  max_ = std::max(max_, late);
}

void Lateness::add(const Lateness& others) {
  for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += others.buckets_[i];
  count_ += others.count_;
  max_ = std::max(max_, others.max_);
}

Nanos Lateness::quantile(double fraction) const {
  const auto wanted = static_cast<std::int64_t>(std::ceil(fraction * static_cast<double>(count_)));
  std::int64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen > 0 && seen >= wanted) return std::min(largest_in(i), max_);
  }
  return Nanos{0};
}

// The first 2 kSteps buckets hold one value each; behind them a bucket is named by the power of two
// and the four binary digits after the first.
std::size_t Lateness::bucket_of(Nanos late) {
  const auto value = static_cast<std::uint64_t>(late.count());
  if (value < kSteps) return value;
  const auto shift = static_cast<std::size_t>(std::bit_width(value)) - 5;
  return shift * kSteps + (value >> shift);
}

Nanos Lateness::largest_in(std::size_t bucket) {
  if (bucket < 2 * kSteps) return Nanos{static_cast<std::int64_t>(bucket)};
  const std::size_t shift = bucket / kSteps - 1;
  const std::uint64_t digits = bucket % kSteps + kSteps;
  return Nanos{static_cast<std::int64_t>(((digits + 1) << shift) - 1)};
}

}  // namespace strait
