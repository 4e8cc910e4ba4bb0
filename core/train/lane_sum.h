// LaneSum: a sum of floats in double with an order of its own, the same on every host.
//
// Lane j of 32 takes the values whose index is j modulo 32, in order; then the lanes are added as a
// tree: j and j + 16, then j and j + 8, and so on. 32 lanes fill the vector registers of AVX-512
// without waiting for one addition after another. For kernels (core/base/simd.h).
#pragma once

#include <cstdint>

namespace strait {

class LaneSum {
 public:
  static constexpr std::int64_t kLanes = 32;

  /// Adds each of n floats; n may be any number only in the last call.
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
  // The compiler does not keep an array of lanes in registers by itself.
  static constexpr std::int64_t kWidth = 8;
  static constexpr std::int64_t kVectors = kLanes / kWidth;
  typedef double Doubles __attribute__((vector_size(kWidth * sizeof(double))));
  typedef float Floats __attribute__((vector_size(kWidth * sizeof(float)), aligned(4), may_alias));

  template <bool kSquares>
  __attribute__((always_inline)) void over(const float* values, std::int64_t n) {
    Doubles a = lanes_[0], b = lanes_[1], c = lanes_[2], d = lanes_[3];
    const auto take = [](const float* from, Doubles& lane) __attribute__((always_inline)) {
      const Doubles x = __builtin_convertvector(*reinterpret_cast<const Floats*>(from), Doubles);
      lane += kSquares ? x * x : x;
    };
    for (; n >= kLanes; n -= kLanes, values += kLanes) {
      take(values, a);
      take(values + kWidth, b);
      take(values + 2 * kWidth, c);
      take(values + 3 * kWidth, d);
    }
    lanes_[0] = a, lanes_[1] = b, lanes_[2] = c, lanes_[3] = d;
    for (std::int64_t j = 0; j < n; ++j) {
      const double x = values[j];
      lanes_[j / kWidth][j % kWidth] += kSquares ? x * x : x;
    }
  }

  Doubles lanes_[kVectors] = {};
};

}  // namespace strait
