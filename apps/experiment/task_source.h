// TaskSource: makes an island's Task from the settings, and knows the text behind it.
//
// Text is read once, before any training; what it holds is shared by all islands and never changes.
// make_task_source is the table of tasks.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/config/run_config.h"
#include "core/train/gpt.h"
#include "core/train/optimizer.h"
#include "core/train/task.h"

namespace strait {

class Tokenizer;

class TaskSource {
 public:
  virtual ~TaskSource() = default;

  /// On the island's thread: the threads of its operations are set here as well.
  virtual std::unique_ptr<Task> make() const = 0;

  /// What steps on a task of make(). Throws UserError for options that no step can be made with.
  virtual std::unique_ptr<InnerOptimizer> make_optimizer(const InnerOptions& options,
                                                         const ParameterLayout& layout) const {
    return make_inner_optimizer(options, layout);
  }

  virtual ParameterLayout layout() const = 0;

  /// For the banner: what is trained on, and a hash of all of it.
  virtual std::string data_description() const = 0;
  virtual std::string data_hash() const = 0;

  /// Bytes of held-out text per token, which make bits per byte of a loss; 0 where there is no text
  /// or it is not known.
  virtual double bytes_per_token() const { return 0; }

  /// Of text whose tokens are not bytes, where it is known what they stand for.
  virtual std::shared_ptr<const Tokenizer> tokenizer() const { return nullptr; }

  /// What a record needs: one batch's inputs and targets [sequences, T]. False if there are no
  /// tokens.
  virtual bool batch(BatchKey, std::span<std::int64_t> /*inputs*/,
                     std::span<std::int64_t> /*targets*/) const {
    return false;
  }

  /// Of byte text: bits per byte of an order-2 count model fitted on the bytes that `islands`
  /// islands train on in `steps` steps, on the held-out windows. Nothing where there is other text
  /// or none.
  virtual std::optional<double> count_model_bits_per_byte(int /*islands*/,
                                                          std::int64_t /*steps*/) const {
    return std::nullopt;
  }
};

/// What the settings' task trains. Reads no text and needs no LibTorch. Throws UserError for a
/// model that cannot be built.
ParameterLayout layout_of(const RunConfig& config);

/// The same of filled-in settings whose task is language.
GptOptions gpt_of(const RunConfig& config);

/// Of forward and backward of one inner step of one island. Likewise.
double flops_of(const RunConfig& config);

/// `deps` is the folder of the set-up (.deps), where the demo's text lies. Throws UserError for an
/// unknown task, missing text or a device that is not there.
std::unique_ptr<TaskSource> make_task_source(const RunConfig& config, const std::string& deps);

}  // namespace strait
