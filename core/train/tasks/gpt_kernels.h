// What lies between a GPT's matrix products, on the CPU: LayerNorm, GELU, biases, cross-entropy,
// each with its backward pass, fused so that an activation is read and written as seldom as can be.
//
// Matrices are row-major views; a row is a token. Functions that work row by row may be called for
// parts of the rows at the same time; functions that sum over the rows (they add to the gradient of
// a bias or of LayerNorm's weights) for parts of the columns. Same bits with and without SIMD.
// Thread: any. Sizes are the caller's promise.
#pragma once

#include <cstdint>

#include "core/base/simd.h"

namespace strait {

template <class T>
struct Matrix {
  T* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t stride = 0;  // elements from one row to the next

  operator Matrix<const T>() const { return {data, rows, columns, stride}; }

  Matrix rows_of(std::int64_t begin, std::int64_t end) const {
    return {data + begin * stride, end - begin, columns, stride};
  }
  Matrix columns_of(std::int64_t begin, std::int64_t end) const {
    return {data + begin, rows, end - begin, stride};
  }
};

/// Of every row of a LayerNorm's input: what its backward pass needs. Pointers to one float a row.
struct RowMoments {
  float* mean;
  float* scale;  // 1 / sqrt(variance + 1e-5)
};

/// y = (x - mean) * scale * weight + bias. Row by row.
void layer_norm(Matrix<const float> x, const float* weight, const float* bias, Matrix<float> y,
                RowMoments moments, Simd simd = best_simd());

/// Adds the gradient with respect to x to `dx`. Row by row.
void layer_norm_backward(Matrix<const float> dy, Matrix<const float> x, RowMoments moments,
                         const float* weight, Matrix<float> dx, Simd simd = best_simd());

/// Adds the gradients with respect to weight and bias. Sums over the rows; moments are whole.
void layer_norm_weights_backward(Matrix<const float> dy, Matrix<const float> x, RowMoments moments,
                                 float* dweight, float* dbias, Simd simd = best_simd());

/// out = x + bias. Row by row.
void add_bias(Matrix<const float> x, const float* bias, Matrix<float> out, Simd simd = best_simd());

/// Every row of `out` = bias. Row by row.
void fill_rows(const float* bias, Matrix<float> out, Simd simd = best_simd());

/// Adds every column's sum to `sums`: the gradient of a bias. Sums over the rows.
void add_column_sums(Matrix<const float> x, float* sums, Simd simd = best_simd());

/// The same, and out = x.
void copy_and_add_column_sums(Matrix<const float> x, Matrix<float> out, float* sums,
                              Simd simd = best_simd());

/// x <- gelu(x + bias) in its tanh form and slope = gelu'(x + bias), both within 1e-6 of the exact
/// functions. Row by row. (LibTorch computes an exact tanh forward and once more backward.)
void bias_gelu(Matrix<float> x, const float* bias, Matrix<float> slope, Simd simd = best_simd());

/// dx <- dx * slope, and adds its column sums to `dbias`. Sums over the rows.
void bias_gelu_backward(Matrix<float> dx, Matrix<const float> slope, float* dbias,
                        Simd simd = best_simd());

/// Per row, nats: losses = -log softmax(logits)[target]; and logits <- gradient of the row's loss
/// times `scale`. Both NaN if a logit is not finite. Row by row.
void cross_entropy(Matrix<float> logits, const std::int64_t* targets, float scale, double* losses,
                   Simd simd = best_simd());

}  // namespace strait
