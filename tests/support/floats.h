// Random float buffers for tests, and comparison of floats as bits.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include "core/base/rng.h"

namespace strait {

inline bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

inline std::vector<float> normal_floats(std::int64_t n, std::uint64_t seed, double scale = 1) {
  Rng rng(seed, "test floats");
  std::vector<float> values(static_cast<std::size_t>(n));
  for (float& value : values) value = static_cast<float>(scale * rng.normal());
  return values;
}

/// Finite floats of every size, from denormals to the largest, and zeros of both signs.
inline std::vector<float> wild_floats(std::int64_t n, std::uint64_t seed) {
  Rng rng(seed, "wild floats");
  std::vector<float> values(static_cast<std::size_t>(n));
  for (float& value : values) {
    auto bits = static_cast<std::uint32_t>(rng.next());
    if ((bits & 0x7f800000u) == 0x7f800000u) bits &= 0x807fffffu;  // not finite: make it denormal
    if (rng.below(16) == 0) bits &= 0x80000000u;
    if (rng.below(64) == 0) bits = 0x7f7fffffu;
    std::memcpy(&value, &bits, sizeof value);
  }
  return values;
}

}  // namespace strait
