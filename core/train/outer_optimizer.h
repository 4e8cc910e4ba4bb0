// FlatOuterOptimizer: what the outer optimizers share; and the makers behind make_outer_optimizer's
// table.
#pragma once

#include "core/train/optimizer.h"

namespace strait {

class FlatOuterOptimizer : public OuterOptimizer {
 public:
  FlatOuterOptimizer(const OuterOptions& options, std::int64_t size, Simd simd)
      : options_(options), size_(size), simd_(simd) {}

  void step(std::span<float> shared, std::span<const float> mean_outer_gradient,
            std::int64_t round) final;

 protected:
  /// Both are size_ long.
  virtual void update(float* shared, const float* delta, std::int64_t round) = 0;

  const OuterOptions options_;
  const std::int64_t size_;
  const Simd simd_;
};

std::unique_ptr<OuterOptimizer> make_nesterov(const OuterOptions& options, std::int64_t size,
                                              Simd simd);
std::unique_ptr<OuterOptimizer> make_heavy_ball(const OuterOptions& options, std::int64_t size,
                                                Simd simd);
std::unique_ptr<OuterOptimizer> make_outer_sgd(const OuterOptions& options, std::int64_t size,
                                               Simd simd);
std::unique_ptr<OuterOptimizer> make_outer_adam(const OuterOptions& options, std::int64_t size,
                                                Simd simd);

}  // namespace strait
