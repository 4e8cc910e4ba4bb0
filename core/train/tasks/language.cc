#include "core/train/tasks/language.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/check.h"
#include "core/base/errors.h"
#include "core/train/flat_buffer.h"
#include "core/train/tasks/gpt_passes.h"

namespace strait {
namespace {

std::unique_ptr<GptPasses> make_passes(const LanguageOptions& options, std::span<float> parameters,
                                       std::span<float> gradients) {
  if (options.device == "cpu") return make_gpt_on_cpu(options.gpt, parameters, gradients);
  return make_gpt_by_autograd(options.gpt, options.device, parameters, gradients);
}

class LanguageTask final : public Task {
 public:
  LanguageTask(const LanguageOptions& options, TokenBatches& batches,
               std::span<const HeldOut> held_out)
      : options_(options),
        batches_(batches),
        held_out_(held_out),
        layout_(gpt_layout(options.gpt)),
        parameters_(static_cast<std::size_t>(layout_.size())),
        gradients_(parameters_.size()),
        inputs_(static_cast<std::size_t>(options.sequences * options.gpt.context)),
        targets_(inputs_.size()),
        passes_(make_passes(options, parameters_, gradients_)) {}

  const ParameterLayout& layout() const override { return layout_; }
  std::span<float> parameters() override { return parameters_; }
  std::span<float> gradients() override { return gradients_; }
  double bytes_per_token() const override { return options_.bytes_per_token; }

  void initialize() override {
    if (options_.start.empty()) {
      return initialize_gpt(parameters_, layout_, options_.gpt, options_.seed);
    }
    std::copy(options_.start.begin(), options_.start.end(), parameters_.begin());
  }

  void clear_gradients() override { std::fill(gradients_.begin(), gradients_.end(), 0.0f); }

  StepWork accumulate_gradient(BatchKey key, float scale) override {
    batches_.fill(key, inputs_, targets_);
    passes_->accumulate_gradient(inputs_, targets_, scale);
    return {.examples = options_.sequences,
            .tokens = std::ssize(inputs_),
            .flops = gpt_flops_per_token(options_.gpt, layout_.count()) *
                     static_cast<double>(inputs_.size())};
  }

  std::vector<double> take_losses() override { return passes_->take_losses(); }

  std::vector<Metric> evaluate(std::span<const float> parameters, int share, int shares) override {
    STRAIT_CHECK(std::ssize(parameters) == layout_.size(), "{} floats for a layout of {}",
                 parameters.size(), layout_.size());
    STRAIT_CHECK(0 <= share && share < shares, "share {} of {}", share, shares);
    std::vector<Metric> metrics;
    for (std::size_t i = static_cast<std::size_t>(share); i < held_out_.size();
         i += static_cast<std::size_t>(shares)) {
      metrics.push_back({.name = "loss." + held_out_[i].source,
                         .value = passes_->mean_loss(parameters, held_out_[i].windows)});
    }
    return metrics;
  }

 private:
  LanguageOptions options_;
  TokenBatches& batches_;
  std::span<const HeldOut> held_out_;
  ParameterLayout layout_;
  FlatBuffer parameters_;
  FlatBuffer gradients_;
  std::vector<std::int64_t> inputs_;   // [sequences, T]
  std::vector<std::int64_t> targets_;  // [sequences, T]
  std::unique_ptr<GptPasses> passes_;
};

void check(const LanguageOptions& options, std::span<const HeldOut> held_out) {
  check(options.gpt);
  if (options.sequences < 1) {
    throw UserError(fmt::format("data.sequences = {}: must be at least 1", options.sequences));
  }
  for (const HeldOut& source : held_out) {
    STRAIT_CHECK(
        !source.windows.empty() && std::ssize(source.windows) % (options.gpt.context + 1) == 0,
        "{} held-out tokens of {} are no windows of {}", source.windows.size(), source.source,
        options.gpt.context + 1);
  }
}

}  // namespace

std::unique_ptr<Task> make_language_task(const LanguageOptions& options, TokenBatches& batches,
                                         std::span<const HeldOut> held_out) {
  check(options, held_out);
  return std::make_unique<LanguageTask>(options, batches, held_out);
}

}  // namespace strait
