// GptPasses: the forward and backward passes of one island's GPT over its flat buffers.
//
// Two rows. On the CPU the passes are written out (gpt_on_cpu.cc): few passes over memory, nothing
// allocated in a step. Elsewhere they are LibTorch's operations and autograd (gpt_autograd.cc), on
// any device: tests hold the two against each other. fp32 throughout. Thread: the island's.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/train/gpt.h"

namespace strait {

class GptPasses {
 public:
  virtual ~GptPasses() = default;

  /// Forward and backward: adds `scale` times the gradient of the mean loss (cross-entropy over all
  /// positions, nats) to the gradients, and keeps the loss for take_losses().
  /// inputs, targets: row-major [sequences, T], T = context; tokens in [0, vocabulary).
  virtual void accumulate_gradient(std::span<const std::int64_t> inputs,
                                   std::span<const std::int64_t> targets, float scale) = 0;

  /// The losses since the last call, in order. On a GPU the one synchronization.
  virtual std::vector<double> take_losses() = 0;

  /// Forward with other parameters: the mean loss over windows of T + 1 tokens, row-major.
  virtual double mean_loss(std::span<const float> parameters,
                           std::span<const std::int64_t> windows) = 0;
};

/// Both read `parameters` and add to `gradients` in place, laid out by gpt_layout(options) on a
/// 64-byte boundary; both outlive the object.
std::unique_ptr<GptPasses> make_gpt_on_cpu(const GptOptions& options, std::span<float> parameters,
                                           std::span<float> gradients);

/// UserError if the device (cpu | cuda | cuda:1) is not there.
void check_device(const std::string& device);

/// On a GPU the buffers are host mirrors, copied in before and out after each batch: 3 x 4 bytes
/// per parameter over PCIe. UserError if the device is not there.
std::unique_ptr<GptPasses> make_gpt_by_autograd(const GptOptions& options,
                                                const std::string& device,
                                                std::span<float> parameters,
                                                std::span<float> gradients);

}  // namespace strait
