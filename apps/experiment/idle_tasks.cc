#include "apps/experiment/idle_tasks.h"

#include <utility>

#include "core/train/flat_buffer.h"

namespace strait {

namespace {

class IdleTask final : public Task {
 public:
  IdleTask(ParameterLayout layout, const StepWork& step)
      : layout_(std::move(layout)),
        step_(step),
        parameters_(static_cast<std::size_t>(layout_.size())),
        gradients_(parameters_.size()) {}

  const ParameterLayout& layout() const override { return layout_; }
  std::span<float> parameters() override { return parameters_; }
  std::span<float> gradients() override { return gradients_; }
  void initialize() override {}
  void clear_gradients() override {}
  StepWork accumulate_gradient(BatchKey, float) override {
    ++batches_;
    return step_;
  }
  std::vector<double> take_losses() override {
    return std::vector<double>(std::exchange(batches_, 0));
  }
  std::vector<Metric> evaluate(std::span<const float>, int, int) override { return {}; }
  double bytes_per_token() const override { return 0; }
  bool idle() const override { return true; }

 private:
  const ParameterLayout layout_;
  const StepWork step_;
  FlatBuffer parameters_, gradients_;
  std::size_t batches_ = 0;
};

class IdleOptimizer final : public InnerOptimizer {
 public:
  explicit IdleOptimizer(std::unique_ptr<InnerOptimizer> real) : real_(std::move(real)) {}

  double step(std::span<float>, std::span<const float>, double) override {
    real_->set_steps_taken(real_->steps_taken() + 1);
    return 0;
  }
  std::vector<State> state() override { return real_->state(); }
  std::int64_t steps_taken() const override { return real_->steps_taken(); }
  void set_steps_taken(std::int64_t steps) override { real_->set_steps_taken(steps); }

 private:
  std::unique_ptr<InnerOptimizer> real_;
};

}  // namespace

StepWork idle_step(const RunConfig& config) {
  if (config.task.name != "language") return {.examples = 1, .tokens = 1};
  return {.examples = config.data.sequences,
          .tokens = config.data.sequences * config.model.context};
}

IdleTasks::IdleTasks(const RunConfig& config, ParameterLayout layout)
    : layout_(std::move(layout)), step_(idle_step(config)), data_hash_("none") {
  if (config.task.name == "language") data_hash_.assign(64, '0');  // a SHA-256
}

std::unique_ptr<Task> IdleTasks::make() const { return std::make_unique<IdleTask>(layout_, step_); }

std::unique_ptr<InnerOptimizer> IdleTasks::make_optimizer(const InnerOptions& options,
                                                          const ParameterLayout& layout) const {
  return std::make_unique<IdleOptimizer>(TaskSource::make_optimizer(options, layout));
}

}  // namespace strait
