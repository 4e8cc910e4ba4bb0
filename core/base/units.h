// The units that Strait computes in: integer nanoseconds, integer bytes, integer bytes per second.
//
// Integers, because the virtual clock has to give the same bits on every host, compiler and
// optimization level. Bits per second exist only in scenario text ("50mbit") and in printed output.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

#include "core/base/wide.h"

namespace strait {

using Nanos = std::chrono::nanoseconds;  // a duration, or a time since the start of the run
using Bytes = std::int64_t;              // a count of bytes

/// Later than everything that can happen; "never".
inline constexpr Nanos kNever = Nanos::max();

struct BytesPerSecond {
  std::int64_t value = 0;

  friend constexpr auto operator<=>(BytesPerSecond, BytesPerSecond) = default;
};

/// No limit: a transfer at this rate takes no time.
inline constexpr BytesPerSecond kUnlimited{std::numeric_limits<std::int64_t>::max()};

constexpr BytesPerSecond megabits(std::int64_t mbit) { return BytesPerSecond{mbit * 125'000}; }

/// Time that `bytes` occupy a link of `rate`, rounded up to the nanosecond. Rate 0 never finishes.
constexpr Nanos transfer_time(Bytes bytes, BytesPerSecond rate) {
  if (bytes <= 0 || rate == kUnlimited) return Nanos{0};
  if (rate.value <= 0) return kNever;
  const Wide nanos = quotient(Wide{bytes} * kNanosPerSecond + rate.value - 1, rate.value);
  return nanos >= kNever.count() ? kNever : Nanos{static_cast<std::int64_t>(nanos)};
}

/// Where `part` is, if 0 to `whole` lie evenly in `length`; 0 if `whole` is not positive.
constexpr Nanos part_of(Nanos length, std::int64_t part, std::int64_t whole) {
  return whole <= 0
             ? Nanos{0}
             : Nanos{static_cast<std::int64_t>(quotient(Wide{length.count()} * part, whole))};
}

constexpr double seconds(Nanos t) { return static_cast<double>(t.count()) * 1e-9; }

}  // namespace strait
