#include "core/train/tasks/gelu.h"

#include <algorithm>

#include "core/base/check.h"

namespace strait {
namespace {

// Rational approximation over [-9, 9], beyond which tanh is 1 in fp32; a few units in the last
// place (coefficients: Eigen's generic_fast_tanh_float).
STRAIT_KERNEL float fast_tanh(float x) {
  const float u = std::min(std::max(x, -7.90531110763549805f), 7.90531110763549805f);
  const float s = u * u;
  float p = -2.76076847742355e-16f;
  p = p * s + 2.00018790482477e-13f;
  p = p * s + -8.60467152213735e-11f;
  p = p * s + 5.12229709037114e-08f;
  p = p * s + 1.48572235717979e-05f;
  p = p * s + 6.37261928875436e-04f;
  p = p * s + 4.89352455891786e-03f;
  float q = 1.19825839466702e-06f;
  q = q * s + 1.18534705686654e-04f;
  q = q * s + 2.26843463243900e-03f;
  q = q * s + 4.89352518554385e-03f;
  return u * p / q;
}

struct Gelu {
  STRAIT_KERNEL void run(const float* x, std::size_t n, float* value, float* slope) {
    constexpr float kScale = 0.7978845608028654f;  // sqrt(2 / pi)
    constexpr float kCube = 0.044715f;
    STRAIT_INDEPENDENT
    for (std::size_t i = 0; i < n; ++i) {
      const float z = x[i];
      const float square = z * z;
      const float t = fast_tanh(kScale * z * (1.0f + kCube * square));
      const float half = 0.5f * (1.0f + t);
      value[i] = z * half;
      slope[i] = half + 0.5f * z * (1.0f - t * t) * kScale * (1.0f + 3.0f * kCube * square);
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
