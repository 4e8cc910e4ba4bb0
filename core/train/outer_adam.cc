// Outer Adam, without decay. DiLoCo (arXiv 2311.08105, section 3.1 and figure 6) found it unstable
// until epsilon was 0.1: where it is large beside sqrt(v), a step is lr / epsilon times the mean.
#include "core/train/adam_update.h"
#include "core/train/flat_buffer.h"
#include "core/train/outer_optimizer.h"

namespace strait {
namespace {

class OuterAdam final : public FlatOuterOptimizer {
 public:
  OuterAdam(const OuterOptions& options, std::int64_t size, Simd simd)
      : FlatOuterOptimizer(options, size, simd),
        m_(static_cast<std::size_t>(size)),
        v_(static_cast<std::size_t>(size)) {}

  std::vector<std::span<float>> state() override { return {m_, v_}; }

 private:
  void update(float* shared, const float* delta, std::int64_t round) override {
    run_kernel<AdamUpdate>(simd_, shared, delta, m_.data(), v_.data(), size_,
                           adam_coefficients({options_.beta1, options_.beta2, options_.epsilon},
                                             options_.rate(round), round));
  }

  FlatBuffer m_, v_;
};

}  // namespace

std::unique_ptr<OuterOptimizer> make_outer_adam(const OuterOptions& options, std::int64_t size,
                                                Simd simd) {
  return std::make_unique<OuterAdam>(options, size, simd);
}

}  // namespace strait
