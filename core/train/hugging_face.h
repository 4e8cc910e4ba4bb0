// GPT-2 as Hugging Face's transformers stores it: a folder that GPT2LMHeadModel loads, and the
// safetensors file in it, to start training from. (Names are those of core/train/gpt.h behind
// "transformer."; projections are [in, out]; the head is tied to the token embedding and left out.)
//
// Thread: any.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/train/gpt.h"

namespace strait {

/// FOLDER/config.json and model.safetensors. The folder is there. `end_of_text`: the token that
/// ends a text, if there is one. `option` as of AtomicFile. Throws UserError for a model that is no
/// GPT-2: attention of another width.
void write_gpt2(const std::string& folder, const GptOptions& options,
                std::span<const float> parameters,
                std::optional<std::int64_t> end_of_text = std::nullopt,
                const std::string& option = "run.out");

/// Flat parameters from such a safetensors file, with or without "transformer."; masks and the tied
/// head that older files carry are left out. Throws UserError naming the tensor, the shapes and the
/// keys to set.
std::vector<float> read_gpt2(const std::string& path, const GptOptions& options);

}  // namespace strait
