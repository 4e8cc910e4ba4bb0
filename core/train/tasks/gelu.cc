#include "core/train/tasks/gelu.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "core/base/check.h"

namespace strait {
namespace {

// e^x for |x| <= 87, to two units in the last place: 2^n e^r with |r| <= ln(2)/2 (Cephes' expf).
STRAIT_KERNEL float fast_exp(float x) {
  constexpr float kToInteger = 12582912.0f;  // 1.5 x 2^23: adding it rounds to an integer
  const float n = (x * 1.44269504088896341f + kToInteger) - kToInteger;
  const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const auto exponent = static_cast<std::uint32_t>(static_cast<std::int32_t>(n)) << 23;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(p) + exponent);
}

// 0.5 (1 + tanh u) is the logistic function of 2u; in this form both ends keep their digits.
struct Gelu {
  STRAIT_KERNEL void run(const float* x, std::size_t n, float* value, float* slope) {
    constexpr float kScale = 2 * 0.7978845608028654f;  // 2 sqrt(2 / pi)
    constexpr float kCube = 0.044715f;
    STRAIT_INDEPENDENT
    for (std::size_t i = 0; i < n; ++i) {
      const float z = x[i];
      const float square = z * z;
      const float twice_u = kScale * z * (1.0f + kCube * square);
      // In this order NaN becomes a bound here and comes out through z.
      const float e = fast_exp(-std::min(87.0f, std::max(-87.0f, twice_u)));
      const float gate = 1.0f / (1.0f + e);
      value[i] = z * gate;
      slope[i] = gate + z * gate * (e * gate) * kScale * (1.0f + 3.0f * kCube * square);
    }
  }
};

}  // namespace

void gelu(std::span<const float> x, std::span<float> value, std::span<float> slope, Simd simd) {
  STRAIT_CHECK(value.size() == x.size() && slope.size() == x.size(), "{} to {} and {} floats",
               x.size(), value.size(), slope.size());
  run_kernel<Gelu>(simd, x.data(), x.size(), value.data(), slope.data());
}

}  // namespace strait
