// Plain SGD without momentum: the inner optimizer of the identities (H = 1 with outer SGD at 1.0 is
// data-parallel SGD). Decay is decoupled, as AdamW's.
#include "core/train/inner_optimizer.h"

namespace strait {
namespace {

struct Update {
  STRAIT_KERNEL void run(float* p, const float* gradients, std::int64_t n, float clip, float decay,
                         float lr) {
    STRAIT_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) p[i] = p[i] * decay - lr * (gradients[i] * clip);
  }
};

class InnerSgd final : public FlatInnerOptimizer {
 public:
  using FlatInnerOptimizer::FlatInnerOptimizer;

  std::vector<State> state() override { return {}; }

 private:
  void begin_step(const StepValues& values) override {
    clip_ = static_cast<float>(values.clip);
    lr_ = static_cast<float>(values.lr);
  }

  void update(std::int64_t begin, std::int64_t end, float decay, float* parameters,
              const float* gradients) override {
    run_kernel<Update>(simd_, parameters + begin, gradients + begin, end - begin, clip_, decay,
                       lr_);
  }

  float clip_ = 1;
  float lr_ = 0;
};

}  // namespace

std::unique_ptr<InnerOptimizer> make_inner_sgd(const InnerOptions& options,
                                               const ParameterLayout& layout, Simd simd) {
  return std::make_unique<InnerSgd>(options, layout, simd);
}

}  // namespace strait
