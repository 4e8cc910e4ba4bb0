// The quadratic task: a loss whose optimum, curvature and noise are known, at a cost of about a
// nanosecond per parameter and step. For tests of algorithms and networks, and to try settings.
//
//   f_i(x) = 1/2 (x - c_i)^T A (x - c_i)        island i's loss
//   c_i    = common + spread * direction_i      its optimum; the islands' data differ by `spread`
// A is diagonal, with eigenvalues spaced evenly on a log scale from 1 down to 1 / conditioning and
// strewn over the parameters. A batch adds noise * <e, x - c_i> to the loss, with e fixed by (seed,
// island, step): its gradient is the exact gradient of the loss that it reports. The mean over the
// islands has its one optimum at the mean of the c_i.
//
// Random numbers are hashes of (seed, what, index), so no draw depends on another; as normal as the
// sum of four bytes, with mean 0 and variance 1. No LibTorch; one thread; same bits on every twin.
#pragma once

#include <memory>
#include <optional>

#include "core/base/simd.h"
#include "core/train/flat_buffer.h"
#include "core/train/task.h"

namespace strait {

struct QuadraticOptions {
  std::int64_t size = 4096;   // trained parameters; a step of this size takes microseconds
  int layers = 4;             // of uneven sizes, so that fragments and padding are exercised
  double conditioning = 100;  // slow directions exist, but a few hundred steps show progress
  double spread = 0.5;        // per parameter, beside 1 for `common`: islands differ, mildly
  double noise = 0.1;         // standard deviation of a batch's gradient, per parameter
  int islands = 4;            // whose mean the evaluation measures
};

class QuadraticTask final : public Task {
 public:
  /// Throws UserError for impossible options.
  QuadraticTask(const QuadraticOptions& options, std::uint64_t seed, Simd simd = best_simd());

  const ParameterLayout& layout() const override { return layout_; }
  std::span<float> parameters() override { return parameters_; }
  std::span<float> gradients() override { return gradients_; }
  void initialize() override;
  void clear_gradients() override;

  /// One example of one token per batch, so that 6 x parameters x tokens FLOPs are about true. Any
  /// island may be asked for; changing it costs a pass over the parameters.
  StepWork accumulate_gradient(BatchKey key, float scale) override;
  std::vector<double> take_losses() override;

  /// There is one source: share 0 returns "loss.quadratic", the mean over the islands of f_i
  /// without noise; other shares return nothing.
  std::vector<Metric> evaluate(std::span<const float> parameters, int share, int shares) override;
  double bytes_per_token() const override { return 0; }

  /// Where the evaluated loss is smallest, and how small it is there (the islands' disagreement).
  std::span<const float> optimum() const { return optimum_; }
  double optimal_loss() const { return optimal_loss_; }

 private:
  void spread_eigenvalues();
  void find_optimum();
  void fill_centre(std::int64_t island, FlatBuffer& centre) const;

  const QuadraticOptions options_;
  const std::uint64_t seed_;
  const Simd simd_;
  ParameterLayout layout_;
  FlatBuffer parameters_, gradients_;
  FlatBuffer eigenvalues_, common_, optimum_;  // zero in the padding
  FlatBuffer centre_;                          // of island centre_of_
  std::optional<std::int64_t> centre_of_;
  double optimal_loss_ = 0;
  std::vector<double> losses_;
};

/// What a task of these options trains. Throws UserError for impossible options.
ParameterLayout quadratic_layout(const QuadraticOptions& options);

std::unique_ptr<Task> make_quadratic_task(const QuadraticOptions& options, std::uint64_t seed);

}  // namespace strait
