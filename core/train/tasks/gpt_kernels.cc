#include "core/train/tasks/gpt_kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace strait {
namespace {

constexpr float kNormEpsilon = 1e-5f;

// GCC's and clang's vector type, not intrinsics: narrower instruction sets take it in parts.
constexpr std::int64_t kLanes = 8;
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));

// The sum of one row in an order of its own: lane j of 16 takes the values whose index is j modulo
// 16, then the lanes are added as a tree. (core/train/lane_sum.h is for long buffers, in double.)
class RowSum {
 public:
  static constexpr std::int64_t kStep = 2 * kLanes;

  __attribute__((always_inline)) void add(const Lanes& low, const Lanes& high) {
    low_ += low;
    high_ += high;
  }
  __attribute__((always_inline)) void add_last(float value) { rest_ += value; }

  __attribute__((always_inline)) float total() const {
    const Lanes both = low_ + high_;
    float lane[kLanes];
    std::memcpy(lane, &both, sizeof lane);
    return (((lane[0] + lane[4]) + (lane[2] + lane[6])) +
            ((lane[1] + lane[5]) + (lane[3] + lane[7]))) +
           rest_;
  }

 private:
  Lanes low_ = {}, high_ = {};
  float rest_ = 0;
};

#define STRAIT_LOAD(name, from) \
  Lanes name;                   \
  std::memcpy(&name, from, sizeof name)

STRAIT_KERNEL float row_sum(const float* in, std::int64_t n) {
  RowSum sum;
  std::int64_t j = 0;
  for (; j + RowSum::kStep <= n; j += RowSum::kStep) {
    STRAIT_LOAD(low, in + j);
    STRAIT_LOAD(high, in + j + kLanes);
    sum.add(low, high);
  }
  for (; j < n; ++j) sum.add_last(in[j]);
  return sum.total();
}

// Of the differences from the mean.
STRAIT_KERNEL float row_squares(const float* in, std::int64_t n, float mean) {
  RowSum sum;
  std::int64_t j = 0;
  for (; j + RowSum::kStep <= n; j += RowSum::kStep) {
    STRAIT_LOAD(low, in + j);
    STRAIT_LOAD(high, in + j + kLanes);
    low -= mean;
    high -= mean;
    sum.add(low * low, high * high);
  }
  for (; j < n; ++j) sum.add_last((in[j] - mean) * (in[j] - mean));
  return sum.total();
}

STRAIT_KERNEL float row_product(const float* a, const float* b, std::int64_t n) {
  RowSum sum;
  std::int64_t j = 0;
  for (; j + RowSum::kStep <= n; j += RowSum::kStep) {
    STRAIT_LOAD(low, a + j);
    STRAIT_LOAD(high, a + j + kLanes);
    STRAIT_LOAD(low_b, b + j);
    STRAIT_LOAD(high_b, b + j + kLanes);
    sum.add(low * low_b, high * high_b);
  }
  for (; j < n; ++j) sum.add_last(a[j] * b[j]);
  return sum.total();
}

STRAIT_KERNEL float row_maximum(const float* row, std::int64_t n) {
  Lanes low = row[0] + Lanes{}, high = low;
  std::int64_t j = 0;
  for (; j + 2 * kLanes <= n; j += 2 * kLanes) {
    STRAIT_LOAD(next_low, row + j);
    STRAIT_LOAD(next_high, row + j + kLanes);
    low = next_low > low ? next_low : low;
    high = next_high > high ? next_high : high;
  }
  low = high > low ? high : low;
  float lane[kLanes];
  std::memcpy(lane, &low, sizeof lane);
  for (std::int64_t k = kLanes / 2; k > 0; k /= 2) {
    for (std::int64_t i = 0; i < k; ++i) lane[i] = std::max(lane[i], lane[i + k]);
  }
  float largest = lane[0];
  for (; j < n; ++j) largest = std::max(largest, row[j]);
  return largest;
}

struct LayerNorm {
  STRAIT_KERNEL void run(Matrix<const float> x, const float* weight, const float* bias,
                         Matrix<float> y, RowMoments moments) {
    const auto width = static_cast<float>(x.columns);
    for (std::int64_t r = 0; r < x.rows; ++r) {
      const float* in = x.data + r * x.stride;
      const float mean = row_sum(in, x.columns) / width;
      const float variance = row_squares(in, x.columns, mean) / width;
      const float scale = 1.0f / std::sqrt(variance + kNormEpsilon);
      moments.mean[r] = mean;
      moments.scale[r] = scale;
      float* out = y.data + r * y.stride;
      STRAIT_INDEPENDENT
      for (std::int64_t j = 0; j < x.columns; ++j) {
        out[j] = (in[j] - mean) * scale * weight[j] + bias[j];
      }
    }
  }
};

// With n = (x - mean) scale and g = dy weight: dx = scale (g - mean(g) - n mean(g n)).
struct LayerNormBackward {
  STRAIT_KERNEL void run(Matrix<const float> dy, Matrix<const float> x, RowMoments moments,
                         const float* weight, Matrix<float> dx) {
    const std::int64_t columns = x.columns;
    const auto width = static_cast<float>(columns);
    for (std::int64_t r = 0; r < x.rows; ++r) {
      const float* gradient = dy.data + r * dy.stride;
      const float* in = x.data + r * x.stride;
      const float mean = moments.mean[r];
      const float scale = moments.scale[r];
      RowSum plain, weighted;
      std::int64_t j = 0;
      for (; j + RowSum::kStep <= columns; j += RowSum::kStep) {
        STRAIT_LOAD(low, gradient + j);
        STRAIT_LOAD(high, gradient + j + kLanes);
        STRAIT_LOAD(low_weight, weight + j);
        STRAIT_LOAD(high_weight, weight + j + kLanes);
        STRAIT_LOAD(low_in, in + j);
        STRAIT_LOAD(high_in, in + j + kLanes);
        low *= low_weight;
        high *= high_weight;
        plain.add(low, high);
        weighted.add(low * (low_in - mean), high * (high_in - mean));
      }
      for (; j < columns; ++j) {
        plain.add_last(gradient[j] * weight[j]);
        weighted.add_last(gradient[j] * weight[j] * (in[j] - mean));
      }
      const float mean_gradient = plain.total() / width;
      const float slope = weighted.total() / width * scale * scale;
      float* out = dx.data + r * dx.stride;
      STRAIT_INDEPENDENT
      for (std::int64_t i = 0; i < columns; ++i) {
        out[i] += scale * (gradient[i] * weight[i] - mean_gradient - (in[i] - mean) * slope);
      }
    }
  }
};

struct LayerNormWeightsBackward {
  STRAIT_KERNEL void run(Matrix<const float> dy, Matrix<const float> x, RowMoments moments,
                         float* dweight, float* dbias) {
    for (std::int64_t r = 0; r < x.rows; ++r) {
      const float* gradient = dy.data + r * dy.stride;
      const float* in = x.data + r * x.stride;
      const float mean = moments.mean[r];
      const float scale = moments.scale[r];
      STRAIT_INDEPENDENT
      for (std::int64_t j = 0; j < x.columns; ++j) {
        dweight[j] += gradient[j] * ((in[j] - mean) * scale);
        dbias[j] += gradient[j];
      }
    }
  }
};

struct AddBias {
  STRAIT_KERNEL void run(Matrix<const float> x, const float* bias, Matrix<float> out) {
    for (std::int64_t r = 0; r < x.rows; ++r) {
      const float* in = x.data + r * x.stride;
      float* sum = out.data + r * out.stride;
      STRAIT_INDEPENDENT
      for (std::int64_t j = 0; j < x.columns; ++j) sum[j] = in[j] + bias[j];
    }
  }
};

struct FillRows {
  STRAIT_KERNEL void run(const float* bias, Matrix<float> out) {
    for (std::int64_t r = 0; r < out.rows; ++r) {
      float* row = out.data + r * out.stride;
      STRAIT_INDEPENDENT
      for (std::int64_t j = 0; j < out.columns; ++j) row[j] = bias[j];
    }
  }
};

struct AddColumnSums {
  STRAIT_KERNEL void run(Matrix<const float> x, float* sums) {
    for (std::int64_t r = 0; r < x.rows; ++r) {
      const float* in = x.data + r * x.stride;
      STRAIT_INDEPENDENT
      for (std::int64_t j = 0; j < x.columns; ++j) sums[j] += in[j];
    }
  }
};

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

// e^below, where below <= 0 but for rounding. What is not finite becomes a bound in the exponential
// and comes out through the difference, as NaN.
STRAIT_KERNEL float fast_exp_below_zero(float below) {
  return fast_exp(std::min(0.0f, std::max(-87.0f, below))) + (below - below);
}

// 0.5 (1 + tanh u) is the logistic function of 2u; in this form both ends keep their digits.
struct BiasGelu {
  STRAIT_KERNEL void run(Matrix<float> x, const float* bias, Matrix<float> slope) {
    constexpr float kScale = 2 * 0.7978845608028654f;  // 2 sqrt(2 / pi)
    constexpr float kCube = 0.044715f;
    for (std::int64_t r = 0; r < x.rows; ++r) {
      float* value = x.data + r * x.stride;
      float* derivative = slope.data + r * slope.stride;
      STRAIT_INDEPENDENT
      for (std::int64_t j = 0; j < x.columns; ++j) {
        const float z = value[j] + bias[j];
        const float square = z * z;
        const float twice_u = kScale * z * (1.0f + kCube * square);
        // In this order NaN becomes a bound here and comes out through z.
        const float e = fast_exp(-std::min(87.0f, std::max(-87.0f, twice_u)));
        const float gate = 1.0f / (1.0f + e);
        value[j] = z * gate;
        derivative[j] = gate + z * gate * (e * gate) * kScale * (1.0f + 3.0f * kCube * square);
      }
    }
  }
};

struct BiasGeluBackward {
  STRAIT_KERNEL void run(Matrix<float> dx, Matrix<const float> slope, float* dbias) {
    for (std::int64_t r = 0; r < dx.rows; ++r) {
      float* gradient = dx.data + r * dx.stride;
      const float* derivative = slope.data + r * slope.stride;
      STRAIT_INDEPENDENT
      for (std::int64_t j = 0; j < dx.columns; ++j) {
        gradient[j] *= derivative[j];
        dbias[j] += gradient[j];
      }
    }
  }
};

struct CrossEntropy {
  STRAIT_KERNEL void run(Matrix<float> logits, const std::int64_t* targets, float scale,
                         double* losses) {
    for (std::int64_t r = 0; r < logits.rows; ++r) {
      float* row = logits.data + r * logits.stride;
      const float largest = row_maximum(row, logits.columns);
      const float of_target = row[targets[r]] - largest;
      STRAIT_INDEPENDENT
      for (std::int64_t j = 0; j < logits.columns; ++j) {
        row[j] = fast_exp_below_zero(row[j] - largest);
      }
      const float sum = row_sum(row, logits.columns);
      // A call, but libm's: the same in every twin.
      losses[r] = std::log(static_cast<double>(sum)) - static_cast<double>(of_target);
      const float factor = scale / sum;
      STRAIT_INDEPENDENT
      for (std::int64_t j = 0; j < logits.columns; ++j) row[j] *= factor;
      row[targets[r]] -= scale;
    }
  }
};

struct CausalSoftmax {
  STRAIT_KERNEL void run(Matrix<float> scores, float scale, float* log_sums) {
    for (std::int64_t r = 0; r < scores.rows; ++r) {
      float* row = scores.data + r * scores.stride;
      const std::int64_t seen = scores.columns - (scores.rows - 1 - r);
      const float largest = row_maximum(row, seen);
      STRAIT_INDEPENDENT
      for (std::int64_t j = 0; j < seen; ++j) {
        row[j] = fast_exp_below_zero(scale * (row[j] - largest));
      }
      for (std::int64_t j = seen; j < scores.columns; ++j) row[j] = 0;
      const float sum = row_sum(row, scores.columns);
      log_sums[r] = scale * largest + std::log(sum);
      const float factor = 1.0f / sum;
      STRAIT_INDEPENDENT
      for (std::int64_t j = 0; j < scores.columns; ++j) row[j] *= factor;
    }
  }
};

// With p = softmax(s): ds = p (dp - sum(p dp)).
struct CausalSoftmaxBackward {
  STRAIT_KERNEL void run(Matrix<float> scores, Matrix<float> d_weights, float scale,
                         const float* log_sums) {
    const std::int64_t columns = scores.columns;
    for (std::int64_t r = 0; r < scores.rows; ++r) {
      float* row = scores.data + r * scores.stride;
      float* gradient = d_weights.data + r * d_weights.stride;
      const std::int64_t seen = columns - (scores.rows - 1 - r);
      const float log_sum = log_sums[r];
      STRAIT_INDEPENDENT
      for (std::int64_t j = 0; j < seen; ++j) {
        row[j] = fast_exp_below_zero(scale * row[j] - log_sum);
      }
      for (std::int64_t j = seen; j < columns; ++j) row[j] = 0;
      const float mean = row_product(row, gradient, columns);
      STRAIT_INDEPENDENT
      for (std::int64_t j = 0; j < columns; ++j) {
        gradient[j] = row[j] * (gradient[j] - mean) * scale;
      }
    }
  }
};

#undef STRAIT_LOAD

}  // namespace

void layer_norm(Matrix<const float> x, const float* weight, const float* bias, Matrix<float> y,
                RowMoments moments, Simd simd) {
  run_kernel<LayerNorm>(simd, x, weight, bias, y, moments);
}

void layer_norm_backward(Matrix<const float> dy, Matrix<const float> x, RowMoments moments,
                         const float* weight, Matrix<float> dx, Simd simd) {
  run_kernel<LayerNormBackward>(simd, dy, x, moments, weight, dx);
}

void layer_norm_weights_backward(Matrix<const float> dy, Matrix<const float> x, RowMoments moments,
                                 float* dweight, float* dbias, Simd simd) {
  run_kernel<LayerNormWeightsBackward>(simd, dy, x, moments, dweight, dbias);
}

void add_bias(Matrix<const float> x, const float* bias, Matrix<float> out, Simd simd) {
  run_kernel<AddBias>(simd, x, bias, out);
}

void fill_rows(const float* bias, Matrix<float> out, Simd simd) {
  run_kernel<FillRows>(simd, bias, out);
}

void add_column_sums(Matrix<const float> x, float* sums, Simd simd) {
  run_kernel<AddColumnSums>(simd, x, sums);
}

void bias_gelu(Matrix<float> x, const float* bias, Matrix<float> slope, Simd simd) {
  run_kernel<BiasGelu>(simd, x, bias, slope);
}

void bias_gelu_backward(Matrix<float> dx, Matrix<const float> slope, float* dbias, Simd simd) {
  run_kernel<BiasGeluBackward>(simd, dx, slope, dbias);
}

void cross_entropy(Matrix<float> logits, const std::int64_t* targets, float scale, double* losses,
                   Simd simd) {
  run_kernel<CrossEntropy>(simd, logits, targets, scale, losses);
}

void causal_softmax(Matrix<float> scores, float scale, float* log_sums, Simd simd) {
  run_kernel<CausalSoftmax>(simd, scores, scale, log_sums);
}

void causal_softmax_backward(Matrix<float> scores, Matrix<float> d_weights, float scale,
                             const float* log_sums, Simd simd) {
  run_kernel<CausalSoftmaxBackward>(simd, scores, d_weights, scale, log_sums);
}

}  // namespace strait
