// The GPT's forward pass on LibTorch tensors; autograd makes the backward pass. Private to the
// language task (it includes LibTorch; language.h does not).
// Thread: the island's; nothing is shared between calls.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "core/train/tasks/gpt.h"

namespace strait {

/// One tensor per parameter, each a view into one flat buffer.
struct GptWeights {
  struct Linear {
    at::Tensor weight;  // [in, out]
    at::Tensor bias;    // [out]
  };
  struct Norm {
    at::Tensor weight;
    at::Tensor bias;
  };
  struct Block {
    Norm ln_1;
    Linear attn_c_attn;  // columns q, k, v
    Linear attn_c_proj;
    Norm ln_2;
    Linear mlp_c_fc;
    Linear mlp_c_proj;
  };
  at::Tensor wte;  // [vocabulary, width]
  at::Tensor wpe;  // [context, width]
  std::vector<Block> blocks;
  Norm ln_f;
};

/// `views` in the order of gpt_layout().
GptWeights name_weights(const std::vector<at::Tensor>& views, const GptOptions& options);

/// Mean cross-entropy in nats over all positions. inputs, targets: int64 [sequences, T <= context].
at::Tensor gpt_loss(const GptWeights& weights, const GptOptions& options, const at::Tensor& inputs,
                    const at::Tensor& targets);

}  // namespace strait
