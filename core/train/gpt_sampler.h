// GptSampler: a GPT one token at a time, on one thread and without LibTorch: to look at what a
// model writes, not to train or to measure. Keys and values of what came before are kept, so a
// token costs 2 FLOPs per parameter. Sums are in plain order; logits are within 1e-4 of the
// training passes'.
//
// Thread: the owner's.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/rng.h"
#include "core/train/gpt.h"
#include "core/train/parameter_layout.h"

namespace strait {

class GptSampler {
 public:
  /// `parameters`, laid out by gpt_layout(options), outlive this.
  GptSampler(const GptOptions& options, std::span<const float> parameters);

  /// The next token of the text, in [0, vocabulary); gives the logits of the one after it, valid
  /// until the next call. When the context is full the older half of it is forgotten first.
  std::span<const float> feed(std::int64_t token);

  std::int64_t tokens() const { return static_cast<std::int64_t>(tokens_.size()); }

 private:
  struct Block {
    const float *ln_1, *ln_1_bias, *qkv, *qkv_bias, *out, *out_bias;
    const float *ln_2, *ln_2_bias, *up, *up_bias, *down, *down_bias;
    std::vector<float> keys, values;  // [context, attention width]
  };

  std::span<const float> step(std::int64_t token);
  void attend(Block& block, std::int64_t position);

  const GptOptions options_;
  const ParameterLayout layout_;
  const float *wte_, *wpe_, *ln_f_, *ln_f_bias_;
  std::vector<Block> blocks_;
  std::vector<std::int64_t> tokens_;  // in the context now
  std::vector<float> stream_, normed_, qkv_, mixed_, hidden_, scores_, logits_;
};

/// Softmax of the logits over `temperature`, drawn; 0: the likeliest.
std::int64_t draw_token(std::span<const float> logits, double temperature, Rng& rng);

}  // namespace strait
