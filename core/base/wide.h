// 128-bit integers for products of rates and times, which do not fit into 64 bits.
#pragma once

#include <cstdint>

namespace strait {

__extension__ using Wide = __int128;
__extension__ using UnsignedWide = unsigned __int128;

/// a / b, b > 0. Nearly every `a` fits into 64 bits after all, where dividing is cheaper.
constexpr Wide quotient(Wide a, std::int64_t b) {
  const auto low = static_cast<std::int64_t>(a);
  return low == a ? Wide{low / b} : a / b;
}

inline constexpr std::int64_t kNanosPerSecond = 1'000'000'000;

}  // namespace strait
