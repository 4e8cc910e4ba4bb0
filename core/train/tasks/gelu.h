// GELU in its tanh form with its derivative, in one pass over flat fp32 buffers.
//
// LibTorch computes an exact tanh in the forward pass and once more in the backward pass: 13 ms of
// an 86 ms step of size xs. Keeping the derivative and a shorter exponential cost 2 ms. Thread:
// any.
#pragma once

#include <span>

#include "core/base/simd.h"

namespace strait {

/// value = gelu(x), slope = gelu'(x); within 1e-6 of the exact functions. Same bits with and
/// without SIMD.
void gelu(std::span<const float> x, std::span<float> value, std::span<float> slope,
          Simd simd = best_simd());

}  // namespace strait
