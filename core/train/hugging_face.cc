#include "core/train/hugging_face.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/train/named_tensors.h"
#include "core/train/safetensors.h"

namespace strait {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kPrefix = "transformer.";

Json config_of(const GptOptions& o, std::optional<std::int64_t> end_of_text) {
  const Json end = end_of_text ? Json(*end_of_text) : Json();
  return {{"model_type", "gpt2"},        {"architectures", {"GPT2LMHeadModel"}},
          {"vocab_size", o.vocabulary},  {"n_positions", o.context},
          {"n_ctx", o.context},          {"n_embd", o.width},
          {"n_layer", o.layers},         {"n_head", o.heads},
          {"n_inner", nullptr},          {"activation_function", "gelu_new"},
          {"layer_norm_epsilon", 1e-5},  {"initializer_range", o.initial_spread()},
          {"embd_pdrop", 0.0},           {"attn_pdrop", 0.0},
          {"resid_pdrop", 0.0},          {"scale_attn_weights", true},
          {"tie_word_embeddings", true}, {"bos_token_id", end},
          {"eos_token_id", end},         {"torch_dtype", "float32"}};
}

/// What older files carry beside the parameters.
bool is_left_out(const std::string& name) {
  return name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias") ||
         name == "lm_head.weight";
}

/// The file's own numbers where they are not the model's: what to set.
std::string keys_to_set(const Safetensors& file, const std::string& prefix, const GptOptions& o) {
  std::vector<std::string> keys;
  const auto differs = [&](const char* key, std::int64_t theirs, std::int64_t ours) {
    if (theirs != ours) keys.push_back(fmt::format("{} = {}", key, theirs));
  };
  const auto shape = [&](const char* name) {
    const auto& s = file.at(prefix + name).shape;
    return s.size() == 2 ? s : std::vector<std::int64_t>{0, 0};
  };
  std::int64_t layers = 0;
  while (std::any_of(file.entries().begin(), file.entries().end(), [&](const auto& entry) {
    return entry.name == fmt::format("{}h.{}.ln_1.weight", prefix, layers);
  })) {
    ++layers;
  }
  differs("model.layers", layers, o.layers);
  differs("model.width", shape("wte.weight")[1], o.width);
  differs("model.vocabulary", shape("wte.weight")[0], o.vocabulary);
  differs("model.context", shape("wpe.weight")[0], o.context);
  return join(keys, ", ", " and ");
}

std::vector<float> read(const Safetensors& file, const GptOptions& options) {
  const auto& entries = file.entries();
  const bool prefixed = std::any_of(entries.begin(), entries.end(), [](const auto& entry) {
    return entry.name.starts_with(kPrefix);
  });
  const std::string prefix = prefixed ? kPrefix : "";
  if (const std::string keys = keys_to_set(file, prefix, options); !keys.empty()) {
    throw UserError(fmt::format("{}: is of another size; write {}", file.path(), keys));
  }
  const ParameterLayout layout = gpt_layout(options);
  for (const auto& entry : entries) {
    const auto& known = layout.parameters();
    const bool named = std::any_of(known.begin(), known.end(), [&](const Parameter& parameter) {
      return prefix + parameter.name == entry.name;
    });
    if (!named && !is_left_out(entry.name)) {
      throw UserError(fmt::format("{}: tensor {} is none of GPT-2's", file.path(), entry.name));
    }
  }
  std::vector<float> parameters(static_cast<std::size_t>(layout.size()));
  read_named_tensors(file, layout, parameters, prefix);
  return parameters;
}

}  // namespace

void write_gpt2(const std::string& folder, const GptOptions& options,
                std::span<const float> parameters, std::optional<std::int64_t> end_of_text,
                const std::string& option) {
  if (options.attention_width() != options.width) {
    throw UserError(
        fmt::format("the attention is {} x {} = {} wide and the model {}: GPT-2 has no such model; "
                    "train one without model.head_size",
                    options.heads, options.head_size, options.attention_width(), options.width));
  }
  const ParameterLayout layout = gpt_layout(options);
  AtomicFile file(folder + "/model.safetensors", option);
  write_safetensors([&](std::span<const std::byte> bytes) { file.write(bytes); },
                    named_tensors(layout, parameters, kPrefix));
  file.commit();
  write_file_atomically(folder + "/config.json",
                        config_of(options, end_of_text).dump(/*indent=*/2) + "\n", option);
}

std::vector<float> read_gpt2(const std::string& path, const GptOptions& options) {
  return read(Safetensors(path), options);
}

}  // namespace strait
