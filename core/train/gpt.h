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

#include "core/train/gpt_sizes.h"
#include "core/train/parameter_layout.h"

namespace strait {

/// A size by name, with a vocabulary of bytes. UserError that lists the names if there is none
/// such.
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

/// What the CPU takes of a batch at once, per intra-op thread; at least one sequence. (Measured
/// with gpt_bench.)
inline constexpr std::int64_t kTokensAtOnce = 128;

/// Floats that forward and backward on the CPU keep beside the flat buffers, with one thread: an
/// estimate from what tasks/gpt_on_cpu.cc allocates for kTokensAtOnce tokens (or one sequence).
std::int64_t gpt_activations(const GptOptions& options, std::int64_t sequences);

}  // namespace strait
