#include "core/base/finite.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "core/base/race_check.h"

namespace strait {
namespace {

// Infinity and NaN, and nothing else, have all bits of the exponent set.
constexpr std::uint32_t kExponent = 0x7f800000u;

struct LargestExponent {
  STRAIT_KERNEL std::uint32_t run(const float* values, std::int64_t n) {
    std::uint32_t largest = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      largest = std::max(largest, std::bit_cast<std::uint32_t>(values[i]) & kExponent);
    }
    return largest;
  }
};

}  // namespace

bool all_finite(std::span<const float> values, Simd simd) {
  reads_all(values);
  return run_kernel<LargestExponent>(simd, values.data(),
                                     static_cast<std::int64_t>(values.size())) < kExponent;
}

std::size_t first_not_finite(std::span<const float> values) {
  const auto found = std::find_if(values.begin(), values.end(), [](float value) {
    return (std::bit_cast<std::uint32_t>(value) & kExponent) == kExponent;
  });
  return static_cast<std::size_t>(found - values.begin());
}

}  // namespace strait
