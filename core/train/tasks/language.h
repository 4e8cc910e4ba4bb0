// The language task: a GPT trained on tokens, with LibTorch.
//
// Parameters and gradients are one flat fp32 buffer each; every parameter is a view into the first
// and its gradient a view into the second (gpt_passes.h), so gradients add up where
// optimizers and collectives work, and nothing is copied on the CPU. With a GPU the buffers are
// host mirrors: the optimizer works on the host.
//
// Thread: the island's. Intra-op threads: core/train/tasks/threads.h.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/train/gpt.h"
#include "core/train/task.h"

namespace strait {

/// Where batches come from. Shared by the islands' threads, so fill() must stand concurrent calls.
struct TokenBatches {
  virtual ~TokenBatches() = default;

  /// Row-major [sequences, T]; targets are the inputs moved on by one token. Tokens are in
  /// [0, vocabulary).
  virtual void fill(BatchKey key, std::span<std::int64_t> inputs,
                    std::span<std::int64_t> targets) = 0;
};

/// Held-out text of one source (a language, say): n windows of T + 1 tokens each.
struct HeldOut {
  std::string source;
  std::vector<std::int64_t> windows;
};

struct LanguageOptions {
  GptOptions gpt;
  std::int64_t sequences = 8;    // per batch of this island
  std::uint64_t seed = 1;        // of the initial values
  std::string device = "cpu";    // cpu | cuda | cuda:1
  double bytes_per_token = 1;    // of the held-out text; 0 = not known
  std::span<const float> start;  // the initial values instead, if there are any; outlive the task
};

/// `batches` and `held_out` outlive the task. UserError if the model cannot be built or the device
/// is not there.
std::unique_ptr<Task> make_language_task(const LanguageOptions& options, TokenBatches& batches,
                                         std::span<const HeldOut> held_out);

}  // namespace strait
