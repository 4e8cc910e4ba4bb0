#include "core/train/flat_math.h"

#include <xxhash.h>

#include <cmath>
#include <cstring>

#include "core/base/check.h"
#include "core/base/race_check.h"
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

}  // namespace

void outer_gradient(std::span<const float> shared, std::span<const float> local,
                    std::span<float> out, Simd simd) {
  STRAIT_CHECK(shared.size() == local.size() && shared.size() == out.size(),
               "{} shared, {} local, {} out", shared.size(), local.size(), out.size());
  reads_all(shared);
  reads_all(local);
  writes_all(out);
  run_kernel<Subtract>(simd, shared.data(), local.data(), out.data(),
                       static_cast<std::int64_t>(out.size()));
}

double l2_norm(std::span<const float> values, Simd simd) {
  return std::sqrt(
      run_kernel<SquareSum>(simd, values.data(), static_cast<std::int64_t>(values.size())));
}

bool equal_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

std::uint64_t hash_floats(std::span<const float> values) {
  return XXH3_64bits(values.data(), values.size_bytes());
}

}  // namespace strait
