// The outer optimizers, one pass each. Nesterov reads 12 and writes 8 bytes per parameter.
//
// DiLoCo (arXiv 2311.08105) names Nesterov with 0.7 and 0.9; its form is in arXiv 2401.09135 eq. 4:
// the first step is lr (1 + momentum) delta, and a constant delta ends at lr / (1 - momentum)
// delta.
#include "core/train/outer_optimizer.h"

#include <cmath>

#include "core/base/check.h"
#include "core/base/race_check.h"
#include "core/train/flat_buffer.h"

namespace strait {
namespace {

struct Nesterov {
  STRAIT_KERNEL void run(float* shared, const float* delta, float* buf, std::int64_t n, float lr,
                         float momentum) {
    STRAIT_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) {
      const float next = momentum * buf[i] + delta[i];
      buf[i] = next;
      shared[i] -= lr * (delta[i] + momentum * next);
    }
  }
};

struct HeavyBall {
  STRAIT_KERNEL void run(float* shared, const float* delta, float* buf, std::int64_t n, float lr,
                         float momentum) {
    STRAIT_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) {
      const float next = momentum * buf[i] + delta[i];
      buf[i] = next;
      shared[i] -= lr * next;
    }
  }
};

struct Plain {
  STRAIT_KERNEL void run(float* shared, const float* delta, std::int64_t n, float lr) {
    STRAIT_INDEPENDENT
    for (std::int64_t i = 0; i < n; ++i) shared[i] -= lr * delta[i];
  }
};

template <class Kernel>
class WithMomentum final : public OuterOptimizer {
 public:
  WithMomentum(const OuterOptions& options, std::int64_t size, Simd simd)
      : lr_(static_cast<float>(options.lr)),
        momentum_(static_cast<float>(options.momentum)),
        simd_(simd),
        buf_(static_cast<std::size_t>(size)) {}

  void step(std::span<float> shared, std::span<const float> mean_outer_gradient) override {
    STRAIT_CHECK(shared.size() == buf_.size() && mean_outer_gradient.size() == buf_.size(),
                 "{} shared and {} outer gradients for {}", shared.size(),
                 mean_outer_gradient.size(), buf_.size());
    reads_all(mean_outer_gradient);
    writes_all(shared);
    run_kernel<Kernel>(simd_, shared.data(), mean_outer_gradient.data(), buf_.data(),
                       static_cast<std::int64_t>(buf_.size()), lr_, momentum_);
  }

  std::span<float> momentum_buffer() override { return buf_; }

 private:
  const float lr_, momentum_;
  const Simd simd_;
  FlatBuffer buf_;
};

class OuterSgd final : public OuterOptimizer {
 public:
  OuterSgd(const OuterOptions& options, std::int64_t size, Simd simd)
      : lr_(static_cast<float>(options.lr)), simd_(simd), size_(size) {}

  void step(std::span<float> shared, std::span<const float> mean_outer_gradient) override {
    STRAIT_CHECK(std::ssize(shared) == size_ && std::ssize(mean_outer_gradient) == size_,
                 "{} shared and {} outer gradients for {}", shared.size(),
                 mean_outer_gradient.size(), size_);
    reads_all(mean_outer_gradient);
    writes_all(shared);
    run_kernel<Plain>(simd_, shared.data(), mean_outer_gradient.data(), size_, lr_);
  }

  std::span<float> momentum_buffer() override { return {}; }

 private:
  const float lr_;
  const Simd simd_;
  const std::int64_t size_;
};

}  // namespace

std::unique_ptr<OuterOptimizer> make_nesterov(const OuterOptions& options, std::int64_t size,
                                              Simd simd) {
  return std::make_unique<WithMomentum<Nesterov>>(options, size, simd);
}

std::unique_ptr<OuterOptimizer> make_heavy_ball(const OuterOptions& options, std::int64_t size,
                                                Simd simd) {
  return std::make_unique<WithMomentum<HeavyBall>>(options, size, simd);
}

std::unique_ptr<OuterOptimizer> make_outer_sgd(const OuterOptions& options, std::int64_t size,
                                               Simd simd) {
  return std::make_unique<OuterSgd>(options, size, simd);
}

}  // namespace strait
