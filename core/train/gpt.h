// The GPT that the language task trains: GPT-2's form at any size. Options, named sizes, parameter
// layout and initial values, without LibTorch: the passes are tasks/gpt_passes.h.
//
// Learned positions, pre-norm blocks, LayerNorm epsilon 1e-5, causal attention scaled by
// 1/sqrt(head size), GELU in its tanh form, 4x MLP, biases everywhere, head tied to the token
// embedding. Names and shapes are Hugging Face's GPT-2 without the prefix "transformer.";
// projection weights are [in, out]. (Radford et al. 2019; initial values: GPT-2's, with our own
// spread.)
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/train/parameter_layout.h"

namespace strait {

struct GptOptions {
  std::int64_t layers = 4;
  std::int64_t width = 128;
  std::int64_t heads = 4;
  std::int64_t head_size = 32;    // may differ from width / heads
  std::int64_t vocabulary = 256;  // bytes
  std::int64_t context = 128;     // tokens per sequence (T)
  // Spread of the initial weights; 0 = 0.68 / sqrt(width). GPT-2's 0.02 was made for width 768 and
  // learns much slower at width 128, where this gives 0.06.
  double init_std = 0;

  std::int64_t attention_width() const { return heads * head_size; }
  double initial_spread() const;
};

/// A size by name: xxs (0.44 M parameters), xs (0.84 M), s (4.9 M), m (86 M). UserError that lists
/// the names if there is none such.
GptOptions gpt_size(std::string_view name);

/// UserError naming the key and the value if the model cannot be built.
void check(const GptOptions& options);

/// Embeddings are layer 0, blocks 1..L, the final norm L + 1. Matrices and embeddings are decayed.
ParameterLayout gpt_layout(const GptOptions& options);

/// Initial values: one generator per parameter name, so that a parameter's values do not depend on
/// the others. normal(0, s); projections back into the residual stream normal(0, s / sqrt(2 L));
/// biases 0; LayerNorm 1 and 0; padding 0.
void initialize_gpt(std::span<float> parameters, const ParameterLayout& layout,
                    const GptOptions& options, std::uint64_t seed);

/// Forward and backward of one token: 6 x parameters + 12 x layers x attention width x T (all score
/// pairs are counted, as PaLM and nanoGPT do, though the causal mask skips half of them).
double gpt_flops_per_token(const GptOptions& options, std::int64_t parameters);

}  // namespace strait
