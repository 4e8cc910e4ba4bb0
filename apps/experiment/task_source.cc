#include "apps/experiment/task_source.h"

#include <fmt/format.h>

#include <array>

#include "core/base/errors.h"
#include "core/train/gpt.h"
#include "core/train/quadratic.h"

#ifdef STRAIT_WITH_TORCH
#include "apps/text/text_data.h"
#include "core/train/data/count_model.h"
#include "core/train/hugging_face.h"
#include "core/train/tasks/gpt_passes.h"
#include "core/train/tasks/language.h"
#include "core/train/tasks/threads.h"
#endif

namespace strait {

namespace {

QuadraticOptions quadratic_of(const RunConfig& config) {
  const auto& q = config.quadratic;
  return {.size = q.size,
          .conditioning = q.conditioning,
          .spread = q.spread,
          .noise = q.noise,
          .islands = config.run.islands};
}

class QuadraticSource final : public TaskSource {
 public:
  explicit QuadraticSource(const RunConfig& config) : config_(config) {}

  std::unique_ptr<Task> make() const override {
    return make_quadratic_task(quadratic_of(config_), config_.run.seed);
  }
  ParameterLayout layout() const override { return layout_of(config_); }
  std::string data_description() const override {
    return fmt::format("a quadratic of {} parameters with a known optimum, no text",
                       config_.quadratic.size);
  }
  std::string data_hash() const override { return "none"; }

 private:
  RunConfig config_;
};

#ifdef STRAIT_WITH_TORCH

class LanguageSource final : public TaskSource {
 public:
  LanguageSource(const RunConfig& config, const std::string& deps) : config_(filled_in(config)) {
    check_device(config_.run.device);  // reading the text takes longer
    if (!config_.model.start.empty()) start_ = read_gpt2(config_.model.start, gpt_of(config_));
    corpus_ = load_corpus(text_options(config_, deps));
    batches_ = std::make_unique<Batches>(corpus_, batch_options(config_));
    adapter_.batches = batches_.get();
    windows_ = held_out_windows(corpus_, config_.data.held_out_windows,
                                static_cast<std::int32_t>(config_.model.context));
    for (const auto& source : windows_) {
      HeldOut held{.source = source.name};
      for (const Window& window : source.windows) {
        held.windows.resize(held.windows.size() + window.size());
        window.copy_to(std::span(held.windows).last(window.size()));
      }
      held_out_.push_back(std::move(held));
    }
    bytes_per_token_ = strait::bytes_per_token(corpus_, windows_);
    check(gpt_of(config_));
  }

  std::unique_ptr<Task> make() const override {
    set_intra_op_threads(config_.run.threads_per_island);
    return make_language_task({.gpt = gpt_of(config_),
                               .sequences = config_.data.sequences,
                               .seed = config_.run.seed,
                               .device = config_.run.device,
                               .bytes_per_token = bytes_per_token_,
                               .start = start_},
                              adapter_, held_out_);
  }

  ParameterLayout layout() const override { return layout_of(config_); }
  std::string data_description() const override { return corpus_.description; }
  std::string data_hash() const override { return corpus_.hash; }
  double bytes_per_token() const override { return bytes_per_token_; }
  std::shared_ptr<const Tokenizer> tokenizer() const override { return corpus_.tokenizer; }

  bool batch(BatchKey key, std::span<std::int64_t> inputs,
             std::span<std::int64_t> targets) const override {
    batches_->fill(key.island, key.step, inputs, targets);
    return true;
  }

  std::optional<double> count_model_bits_per_byte(int islands, std::int64_t steps) const override {
    if (!corpus_.is_bytes) return std::nullopt;
    const CountModel model = fit_count_model(*batches_, islands, steps);
    double sum = 0;
    for (const auto& source : windows_) sum += model.bits_per_byte(source.windows);
    return sum / static_cast<double>(windows_.size());
  }

 private:
  struct Adapter final : TokenBatches {
    void fill(BatchKey key, std::span<std::int64_t> inputs,
              std::span<std::int64_t> targets) override {
      batches->fill(key.island, key.step, inputs, targets);
    }
    const Batches* batches = nullptr;
  };

  RunConfig config_;
  std::vector<float> start_;  // of model.start; empty: none
  Corpus corpus_;
  std::unique_ptr<Batches> batches_;
  mutable Adapter adapter_;
  std::vector<HeldOutSource> windows_;
  std::vector<HeldOut> held_out_;
  double bytes_per_token_ = 0;
};

#endif

using Make = std::unique_ptr<TaskSource> (*)(const RunConfig&, const std::string&);

struct Row {
  std::string_view name;
  Make make;
};

constexpr std::array kTable{
#ifdef STRAIT_WITH_TORCH
    Row{"language",
        [](const RunConfig& config, const std::string& deps) -> std::unique_ptr<TaskSource> {
          return std::make_unique<LanguageSource>(config, deps);
        }},
#endif
    Row{"quadratic",
        [](const RunConfig& config, const std::string&) -> std::unique_ptr<TaskSource> {
          return std::make_unique<QuadraticSource>(config);
        }},
};

}  // namespace

GptOptions gpt_of(const RunConfig& config) {
  const auto& m = config.model;
  return {.layers = m.layers,
          .width = m.width,
          .heads = m.heads,
          .head_size = m.head_size,
          .vocabulary = m.vocabulary,
          .context = m.context,
          .init_std = m.init_std};
}

ParameterLayout layout_of(const RunConfig& config) {
  if (config.task.name == "quadratic") return quadratic_layout(quadratic_of(config));
  return gpt_layout(gpt_of(filled_in(config)));
}

double flops_of(const RunConfig& given) {
  if (given.task.name == "quadratic") {
    return 6.0 * static_cast<double>(given.inner.accumulate * given.quadratic.size);
  }
  const RunConfig config = filled_in(given);
  const double tokens =
      static_cast<double>(config.inner.accumulate * config.data.sequences * config.model.context);
  return gpt_flops_per_token(gpt_of(config), layout_of(config).count()) * tokens;
}

std::unique_ptr<TaskSource> make_task_source(const RunConfig& config, const std::string& deps) {
  std::string known;
  for (const Row& row : kTable) {
    if (row.name == config.task.name) return row.make(config, deps);
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw UserError(
      fmt::format("task.name = {}: not in this build; use {}, or build with LibTorch: cmake "
                  "--workflow --preset "
                  "release",
                  config.task.name, known));
}

}  // namespace strait
