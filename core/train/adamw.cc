// AdamW as torch.optim.AdamW computes it (Loshchilov and Hutter, arXiv 1711.05101), in one pass: 16
// bytes read and 12 written per parameter, after 4 read for the norm.
#include <cmath>

#include "core/train/flat_buffer.h"
#include "core/train/inner_optimizer.h"

namespace strait {
namespace {

struct Coefficients {
  float clip, decay;
  float one_minus_beta1, beta2, one_minus_beta2;
  float step_size;     // lr / (1 - beta1^t)
  float root_of_bias;  // sqrt(1 - beta2^t)
  float epsilon;
};

// PyTorch's operations in PyTorch's order, so that only its choice of fused multiply-add differs.
struct Update {
  STRAIT_KERNEL void run(float* p, const float* gradients, float* m, float* v, std::int64_t n,
                         Coefficients c) {
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

// By squaring: libm's pow has other last bits on other processors.
double power(double base, std::int64_t exponent) {
  double result = 1;
  for (; exponent > 0; exponent /= 2, base *= base) {
    if (exponent % 2 == 1) result *= base;
  }
  return result;
}

class AdamW final : public FlatInnerOptimizer {
 public:
  AdamW(const InnerOptions& options, const ParameterLayout& layout, Simd simd)
      : FlatInnerOptimizer(options, layout, simd), m_(size_), v_(size_) {}

  std::vector<State> state() override { return {{"m", m_}, {"v", v_}}; }

 private:
  void begin_step(const StepValues& values) override {
    const double bias1 = 1 - power(options_.beta1, values.step);
    const double bias2 = 1 - power(options_.beta2, values.step);
    coefficients_ = {.clip = static_cast<float>(values.clip),
                     .decay = 1,
                     .one_minus_beta1 = static_cast<float>(1 - options_.beta1),
                     .beta2 = static_cast<float>(options_.beta2),
                     .one_minus_beta2 = static_cast<float>(1 - options_.beta2),
                     .step_size = static_cast<float>(values.lr / bias1),
                     .root_of_bias = static_cast<float>(std::sqrt(bias2)),
                     .epsilon = static_cast<float>(options_.epsilon)};
  }

  void update(std::int64_t begin, std::int64_t end, float decay, float* parameters,
              const float* gradients) override {
    coefficients_.decay = decay;
    run_kernel<Update>(simd_, parameters + begin, gradients + begin, m_.data() + begin,
                       v_.data() + begin, end - begin, coefficients_);
  }

  FlatBuffer m_, v_;
  Coefficients coefficients_{};
};

}  // namespace

std::unique_ptr<InnerOptimizer> make_adamw(const InnerOptions& options,
                                           const ParameterLayout& layout, Simd simd) {
  return std::make_unique<AdamW>(options, layout, simd);
}

}  // namespace strait
