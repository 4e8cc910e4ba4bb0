// What AdamW inside and Adam outside do to a stretch of a flat buffer, in one pass.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/base/simd.h"

namespace strait {

struct AdamOptions {
  double beta1, beta2, epsilon;
};

struct AdamCoefficients {
  float clip = 1, decay = 1;  // factors on the gradient and, before the step, on the parameters
  float one_minus_beta1, beta2, one_minus_beta2;
  float step_size;     // lr / (1 - beta1^t)
  float root_of_bias;  // sqrt(1 - beta2^t)
  float epsilon;
};

/// By squaring: libm's pow has other last bits on other processors.
inline double power(double base, std::int64_t exponent) {
  double result = 1;
  for (; exponent > 0; exponent /= 2, base *= base) {
    if (exponent % 2 == 1) result *= base;
  }
  return result;
}

/// Of step `step`, counted from 1.
inline AdamCoefficients adam_coefficients(const AdamOptions& options, double lr,
                                          std::int64_t step) {
  return {.one_minus_beta1 = static_cast<float>(1 - options.beta1),
          .beta2 = static_cast<float>(options.beta2),
          .one_minus_beta2 = static_cast<float>(1 - options.beta2),
          .step_size = static_cast<float>(lr / (1 - power(options.beta1, step))),
          .root_of_bias = static_cast<float>(std::sqrt(1 - power(options.beta2, step))),
          .epsilon = static_cast<float>(options.epsilon)};
}

/// PyTorch's operations in PyTorch's order, so that only its choice of fused multiply-add differs.
struct AdamUpdate {
  STRAIT_KERNEL void run(float* p, const float* gradients, float* m, float* v, std::int64_t n,
                         AdamCoefficients c) {
    STRAIT_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) {
      const float g = gradients[i] * c.clip;
      const float mean = m[i] + c.one_minus_beta1 * (g - m[i]);
      const float square = v[i] * c.beta2 + c.one_minus_beta2 * g * g;
      const float denominator = std::sqrt(square) / c.root_of_bias + c.epsilon;
      m[i] = mean;
      v[i] = square;
      p[i] = p[i] * c.decay - c.step_size * mean / denominator;
    }
  }
};

}  // namespace strait
