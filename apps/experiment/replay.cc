#include "apps/experiment/replay.h"

#include <cmath>
#include <limits>
#include <utility>

namespace strait {

namespace {

class ReplayedTask final : public Task {
 public:
  ReplayedTask(std::unique_ptr<Task> real, const Replay& replay)
      : real_(std::move(real)), replay_(replay) {}

  const ParameterLayout& layout() const override { return real_->layout(); }
  std::span<float> parameters() override { return real_->parameters(); }
  std::span<float> gradients() override { return real_->gradients(); }
  void initialize() override { real_->initialize(); }
  void clear_gradients() override {
    if (!replay_.idle) real_->clear_gradients();
  }
  double bytes_per_token() const override { return real_->bytes_per_token(); }

  StepWork accumulate_gradient(BatchKey key, float scale) override {
    if (!replay_.idle) return real_->accumulate_gradient(key, scale);
    ++skipped_;
    return replay_.step;
  }

  /// Only their sum was saved. The steps before a boundary are replayed all or not at all.
  std::vector<double> take_losses() override {
    if (skipped_ == 0) return real_->take_losses();
    std::vector<double> losses(std::exchange(skipped_, 0));
    if (const SavedReport* const report = replay_.report()) losses.front() = report->loss;
    return losses;
  }

  std::vector<Metric> evaluate(std::span<const float> parameters, int share, int shares) override {
    if (!replay_.idle) return real_->evaluate(parameters, share, shares);
    const std::vector<Metric>* const metrics = replay_.evaluation();
    return metrics != nullptr ? *metrics : std::vector<Metric>{};
  }

 private:
  const std::unique_ptr<Task> real_;
  const Replay& replay_;
  std::size_t skipped_ = 0;  // steps since the last boundary
};

class ReplayedOptimizer final : public InnerOptimizer {
 public:
  ReplayedOptimizer(std::unique_ptr<InnerOptimizer> real, const Replay& replay)
      : real_(std::move(real)), replay_(replay) {}

  double step(std::span<float> parameters, std::span<const float> gradients, double lr) override {
    if (!replay_.idle) return real_->step(parameters, gradients, lr);
    // Who has diverged contributes nothing, which takes less time.
    float& first = parameters.front();
    const SavedReport* const report = replay_.report();
    if (report != nullptr && !report->finite) {
      first = std::numeric_limits<float>::quiet_NaN();
    } else if (std::isnan(first)) {
      first = 0;
    }
    return 0;
  }
  std::vector<State> state() override { return real_->state(); }
  std::int64_t steps_taken() const override { return real_->steps_taken(); }
  void set_steps_taken(std::int64_t steps) override { real_->set_steps_taken(steps); }

 private:
  const std::unique_ptr<InnerOptimizer> real_;
  const Replay& replay_;
};

}  // namespace

std::unique_ptr<Task> replayed(std::unique_ptr<Task> real, const Replay& replay) {
  return std::make_unique<ReplayedTask>(std::move(real), replay);
}

std::unique_ptr<InnerOptimizer> replayed(std::unique_ptr<InnerOptimizer> real,
                                         const Replay& replay) {
  return std::make_unique<ReplayedOptimizer>(std::move(real), replay);
}

}  // namespace strait
