// LaneSum: a sum of floats in double with an order of its own, the same on every host.
//
// Lane j of 32 takes the values whose index in their call is j modulo 32, in order; then the lanes
// are added as a tree: j and j + 16, then j and j + 8, and so on. 32 lanes fill the vector
// registers of AVX-512 without waiting for one addition after another. For kernels
// (core/base/simd.h).
#pragma once

#include <cstdint>

namespace strait {

class LaneSum {
 public:
  static constexpr std::int64_t kLanes = 32;

  /// Adds n floats; every call begins at lane 0.
  __attribute__((always_inline)) void add(const float* values, std::int64_t n) {
    over<false>(values, n);
  }

  /// Adds each float's square, which is exact in double and cannot overflow there.
  __attribute__((always_inline)) void add_squares(const float* values, std::int64_t n) {
    over<true>(values, n);
  }

  __attribute__((always_inline)) double total() const {
    double sums[kLanes];
    for (std::int64_t j = 0; j < kLanes; ++j) sums[j] = lanes_[j / kWidth][j % kWidth];
    for (std::int64_t half = kLanes / 2; half > 0; half /= 2) {
      for (std::int64_t j = 0; j < half; ++j) sums[j] += sums[j + half];
    }
    return sums[0];
  }

 private:
  // GCC's and clang's vector types, not intrinsics: narrower instruction sets take them in parts.
  // The compiler does not keep an array of single lanes in registers by itself, and it takes
  // vectors of AVX-512's width apart badly for AVX2.
  static constexpr std::int64_t kWidth = 4;
  static constexpr std::int64_t kVectors = kLanes / kWidth;
  typedef double Doubles __attribute__((vector_size(kWidth * sizeof(double))));

  template <bool kSquares>
  __attribute__((always_inline)) void over(const float* values, std::int64_t n) {
    Doubles lanes[kVectors];
    for (std::int64_t v = 0; v < kVectors; ++v) lanes[v] = lanes_[v];
    for (; n >= kLanes; n -= kLanes, values += kLanes) {
#pragma GCC unroll 8
      for (std::int64_t v = 0; v < kVectors; ++v) {
        // One conversion. GCC takes __builtin_convertvector apart, which took twice the time.
        const float* const from = values + v * kWidth;
        const Doubles x = {from[0], from[1], from[2], from[3]};
        lanes[v] += kSquares ? x * x : x;
      }
    }
    for (std::int64_t v = 0; v < kVectors; ++v) lanes_[v] = lanes[v];
    for (std::int64_t j = 0; j < n; ++j) {
      const double x = values[j];
      lanes_[j / kWidth][j % kWidth] += kSquares ? x * x : x;
    }
  }

  Doubles lanes_[kVectors] = {};
};

}  // namespace strait
