// 128-bit integers for products of rates and times, which do not fit into 64 bits.
#pragma once

#include <cstdint>

namespace strait {

__extension__ using Wide = __int128;
__extension__ using UnsignedWide = unsigned __int128;

inline constexpr std::int64_t kNanosPerSecond = 1'000'000'000;

}  // namespace strait
