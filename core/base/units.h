// The units that Strait computes in: integer nanoseconds, integer bytes, integer bytes per second.
//
// Integers, because the virtual clock has to give the same bits on every host, compiler and
// optimization level. Bits per second exist only in scenario text ("50mbit") and in printed output.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

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
  const auto nanos = (static_cast<unsigned __int128>(bytes) * 1'000'000'000u +
                      static_cast<unsigned __int128>(rate.value) - 1) /
                     static_cast<unsigned __int128>(rate.value);
  constexpr auto limit = static_cast<unsigned __int128>(kNever.count());
  return nanos >= limit ? kNever : Nanos{static_cast<std::int64_t>(nanos)};
}

constexpr double seconds(Nanos t) { return static_cast<double>(t.count()) * 1e-9; }

}  // namespace strait
