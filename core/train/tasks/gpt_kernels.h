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
#include "core/train/tasks/matrix.h"

namespace strait {

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

/// scores <- softmax(scale * scores) of every row. The last row's last column is its own position:
/// row r of R sees all columns but the last R - 1 - r; the others become 0. log_sums: per row, the
/// logarithm of the sum of the exponentials. NaN where a score is not finite. Row by row.
void causal_softmax(Matrix<float> scores, float scale, float* log_sums, Simd simd = best_simd());

/// scores <- the same from its log_sums, and d_weights (the gradient of the softmax) <- the
/// gradient of the scores. Row by row.
void causal_softmax_backward(Matrix<float> scores, Matrix<float> d_weights, float scale,
                             const float* log_sums, Simd simd = best_simd());

}  // namespace strait
