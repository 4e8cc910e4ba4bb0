// Nesterov, momentum and SGD, one pass each. Nesterov reads 12 and writes 8 bytes per parameter.
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
class WithMomentum final : public FlatOuterOptimizer {
 public:
  WithMomentum(const OuterOptions& options, std::int64_t size, Simd simd)
      : FlatOuterOptimizer(options, size, simd), buf_(static_cast<std::size_t>(size)) {}

  std::vector<std::span<float>> state() override { return {buf_}; }

 private:
  void update(float* shared, const float* delta, std::int64_t round) override {
    run_kernel<Kernel>(simd_, shared, delta, buf_.data(), size_,
                       static_cast<float>(options_.rate(round)),
                       static_cast<float>(options_.momentum));
  }

  FlatBuffer buf_;
};

class OuterSgd final : public FlatOuterOptimizer {
 public:
  using FlatOuterOptimizer::FlatOuterOptimizer;

  std::vector<std::span<float>> state() override { return {}; }

 private:
  void update(float* shared, const float* delta, std::int64_t round) override {
    run_kernel<Plain>(simd_, shared, delta, size_, static_cast<float>(options_.rate(round)));
  }
};

}  // namespace

void FlatOuterOptimizer::step(std::span<float> shared, std::span<const float> mean_outer_gradient,
                              std::int64_t round) {
  STRAIT_CHECK(std::ssize(shared) == size_ && std::ssize(mean_outer_gradient) == size_,
               "{} shared and {} outer gradients for {}", shared.size(), mean_outer_gradient.size(),
               size_);
  STRAIT_CHECK(round >= 1, "outer step of round {}", round);
  reads_all(mean_outer_gradient);
  writes_all(shared);
  update(shared.data(), mean_outer_gradient.data(), round);
}

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
