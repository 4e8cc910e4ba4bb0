// FlatInnerOptimizer: what inner optimizers over a flat buffer share: the norm, clipping, steps
// that are refused, and which stretches of the buffer decay. A row only says what happens to a
// stretch.
#pragma once

#include "core/train/optimizer.h"

namespace strait {

/// A stretch of the flat buffer whose parameters decay all or not at all.
struct DecayRun {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  bool decayed = false;

  friend bool operator==(const DecayRun&, const DecayRun&) = default;
};

/// Covers the whole buffer with as few stretches as possible; padding goes with the parameter
/// before it (it is zero, and decaying zero leaves zero).
std::vector<DecayRun> decay_runs(const ParameterLayout& layout);

class FlatInnerOptimizer : public InnerOptimizer {
 public:
  FlatInnerOptimizer(const InnerOptions& options, const ParameterLayout& layout, Simd simd);

  double step(std::span<float> parameters, std::span<const float> gradients, double lr) final;
  std::int64_t steps_taken() const final { return steps_; }
  void set_steps_taken(std::int64_t steps) final;

 protected:
  /// Of one step, the same for all stretches.
  struct StepValues {
    double lr = 0;
    double clip = 1;        // factor on the gradient
    std::int64_t step = 1;  // counted from 1
  };
  virtual void begin_step(const StepValues& values) = 0;

  /// Steps on elements begin..end; `decay` is the factor on the parameters.
  virtual void update(std::int64_t begin, std::int64_t end, float decay, float* parameters,
                      const float* gradients) = 0;

  const InnerOptions options_;
  const Simd simd_;
  const std::int64_t size_;

 private:
  double clip_factor(double norm) const;

  const std::vector<DecayRun> runs_;
  std::int64_t steps_ = 0;
};

std::unique_ptr<InnerOptimizer> make_adamw(const InnerOptions& options,
                                           const ParameterLayout& layout, Simd simd);
std::unique_ptr<InnerOptimizer> make_inner_sgd(const InnerOptions& options,
                                               const ParameterLayout& layout, Simd simd);

}  // namespace strait
