// A GPT's parameters by name, as LibTorch tensors that are views into one flat buffer. Private to
// the language task (it includes LibTorch). Thread: the island's.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "core/train/tasks/gpt.h"

namespace strait {

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

/// One tensor per parameter of `layout`, in its order: views into `flat`, on any device.
std::vector<at::Tensor> views_into(const at::Tensor& flat, const ParameterLayout& layout);

/// `views` in the order of gpt_layout().
GptWeights name_weights(const std::vector<at::Tensor>& views, const GptOptions& options);

/// Both of these for a flat buffer in host memory, which outlives the tensors.
GptWeights gpt_weights(std::span<float> flat, const GptOptions& options);

}  // namespace strait
