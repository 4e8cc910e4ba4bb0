#include "core/train/flat_math.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/base/check.h"
#include "core/train/lane_sum.h"

namespace strait {
namespace {

struct Subtract {
  STRAIT_KERNEL void run(const float* a, const float* b, float* out, std::int64_t n) {
    STRAIT_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) out[i] = a[i] - b[i];
  }
};

struct SquareSum {
  STRAIT_KERNEL double run(const float* values, std::int64_t n) {
    LaneSum sum;
    sum.add_squares(values, n);
    return sum.total();
  }
};

// Infinity and NaN, and nothing else, have all bits of the exponent set.
struct LargestExponent {
  STRAIT_KERNEL std::uint32_t run(const float* values, std::int64_t n) {
    std::uint32_t largest = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      largest = std::max(largest, std::bit_cast<std::uint32_t>(values[i]) & 0x7f800000u);
    }
    return largest;
  }
};

}  // namespace

void outer_gradient(std::span<const float> shared, std::span<const float> local,
                    std::span<float> out, Simd simd) {
  STRAIT_CHECK(shared.size() == local.size() && shared.size() == out.size(),
               "{} shared, {} local, {} out", shared.size(), local.size(), out.size());
  run_kernel<Subtract>(simd, shared.data(), local.data(), out.data(),
                       static_cast<std::int64_t>(out.size()));
}

double l2_norm(std::span<const float> values, Simd simd) {
  return std::sqrt(
      run_kernel<SquareSum>(simd, values.data(), static_cast<std::int64_t>(values.size())));
}

bool all_finite(std::span<const float> values, Simd simd) {
  return run_kernel<LargestExponent>(simd, values.data(),
                                     static_cast<std::int64_t>(values.size())) < 0x7f800000u;
}

std::uint64_t hash_floats(std::span<const float> values) {
  return XXH3_64bits(values.data(), values.size_bytes());
}

}  // namespace strait
