// AdamW as torch.optim.AdamW computes it (Loshchilov and Hutter, arXiv 1711.05101), in one pass: 16
// bytes read and 12 written per parameter, after 4 read for the norm.
#include "core/train/adam_update.h"
#include "core/train/flat_buffer.h"
#include "core/train/inner_optimizer.h"

namespace strait {
namespace {

class AdamW final : public FlatInnerOptimizer {
 public:
  AdamW(const InnerOptions& options, const ParameterLayout& layout, Simd simd)
      : FlatInnerOptimizer(options, layout, simd), m_(size_), v_(size_) {}

  std::vector<State> state() override { return {{"m", m_}, {"v", v_}}; }

 private:
  void begin_step(const StepValues& values) override {
    coefficients_ = adam_coefficients({options_.beta1, options_.beta2, options_.epsilon}, values.lr,
                                      values.step);
    coefficients_.clip = static_cast<float>(values.clip);
  }

  void update(std::int64_t begin, std::int64_t end, float decay, float* parameters,
              const float* gradients) override {
    coefficients_.decay = decay;
    run_kernel<AdamUpdate>(simd_, parameters + begin, gradients + begin, m_.data() + begin,
                           v_.data() + begin, end - begin, coefficients_);
  }

  FlatBuffer m_, v_;
  AdamCoefficients coefficients_{};
};

}  // namespace

std::unique_ptr<InnerOptimizer> make_adamw(const InnerOptions& options,
                                           const ParameterLayout& layout, Simd simd) {
  return std::make_unique<AdamW>(options, layout, simd);
}

}  // namespace strait
