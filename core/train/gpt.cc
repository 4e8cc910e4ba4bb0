#include "core/train/gpt.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "core/base/check.h"
#include "core/base/errors.h"
#include "core/base/rng.h"

namespace strait {
namespace {

void require_positive(std::string_view key, std::int64_t value) {
  if (value > 0) return;
  throw UserError(fmt::format("model.{} = {}: must be at least 1", key, value));
}

void add_block(ParameterLayout& layout, const GptOptions& options, int block) {
  const std::string prefix = fmt::format("h.{}.", block);
  const std::int64_t width = options.width;
  const std::int64_t attention = options.attention_width();
  const auto add_norm = [&](std::string_view name) {
    layout.add(fmt::format("{}{}.weight", prefix, name), {width}, block + 1, /*decayed=*/false);
    layout.add(fmt::format("{}{}.bias", prefix, name), {width}, block + 1, /*decayed=*/false);
  };
  const auto add_projection = [&](std::string_view name, std::int64_t in, std::int64_t out) {
    layout.add(fmt::format("{}{}.weight", prefix, name), {in, out}, block + 1, /*decayed=*/true);
    layout.add(fmt::format("{}{}.bias", prefix, name), {out}, block + 1, /*decayed=*/false);
  };
  add_norm("ln_1");
  add_projection("attn.c_attn", width, 3 * attention);
  add_projection("attn.c_proj", attention, width);
  add_norm("ln_2");
  add_projection("mlp.c_fc", width, 4 * width);
  add_projection("mlp.c_proj", 4 * width, width);
}

bool is_norm_weight(std::string_view name) {
  return name.ends_with("ln_1.weight") || name.ends_with("ln_2.weight") || name == "ln_f.weight";
}

}  // namespace

double GptOptions::initial_spread() const {
  return init_std > 0 ? init_std : 0.68 / std::sqrt(static_cast<double>(width));
}

GptOptions gpt_size(std::string_view name) {
  std::string names;
  for (const GptSize& size : kGptSizes) {
    if (size.name == name) return size.options;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", size.name);
  }
  throw UserError(fmt::format("model.size = {}: unknown; the sizes are {}", name, names));
}

void check(const GptOptions& options) {
  require_positive("layers", options.layers);
  require_positive("width", options.width);
  require_positive("heads", options.heads);
  require_positive("head_size", options.head_size);
  require_positive("vocabulary", options.vocabulary);
  require_positive("context", options.context);
  if (!(options.init_std >= 0)) {
    throw UserError(fmt::format("model.init_std = {}: must not be negative", options.init_std));
  }
}

ParameterLayout gpt_layout(const GptOptions& options) {
  check(options);
  ParameterLayout layout;
  layout.add("wte.weight", {options.vocabulary, options.width}, 0, /*decayed=*/true);
  layout.add("wpe.weight", {options.context, options.width}, 0, /*decayed=*/true);
  for (int block = 0; block < options.layers; ++block) add_block(layout, options, block);
  const int last = static_cast<int>(options.layers) + 1;
  layout.add("ln_f.weight", {options.width}, last, /*decayed=*/false);
  layout.add("ln_f.bias", {options.width}, last, /*decayed=*/false);
  return layout;
}

void initialize_gpt(std::span<float> parameters, const ParameterLayout& layout,
                    const GptOptions& options, std::uint64_t seed) {
  STRAIT_CHECK(std::ssize(parameters) == layout.size(), "{} floats for a layout of {}",
               parameters.size(), layout.size());
  std::fill(parameters.begin(), parameters.end(), 0.0f);
  const double spread = options.initial_spread();
  const double residual = spread / std::sqrt(2.0 * static_cast<double>(options.layers));
  for (const Parameter& parameter : layout.parameters()) {
    const auto values = parameters.subspan(static_cast<std::size_t>(parameter.offset),
                                           static_cast<std::size_t>(parameter.size));
    if (is_norm_weight(parameter.name)) std::fill(values.begin(), values.end(), 1.0f);
    if (parameter.shape.size() < 2) continue;
    Rng rng(seed, "init/" + parameter.name);
    const double sigma = parameter.name.ends_with("c_proj.weight") ? residual : spread;
    for (float& value : values) value = static_cast<float>(sigma * rng.normal());
  }
}

double gpt_flops_per_token(const GptOptions& options, std::int64_t parameters) {
  const auto pairs = options.layers * options.attention_width() * options.context;
  return 6.0 * static_cast<double>(parameters) + 12.0 * static_cast<double>(pairs);
}

std::int64_t gpt_activations(const GptOptions& options, std::int64_t sequences) {
  const std::int64_t w = options.width, a = options.attention_width();
  const std::int64_t at_once =
      std::clamp<std::int64_t>(kTokensAtOnce / options.context, 1, sequences);
  const std::int64_t of_block = 12 * w + 4 * a + options.heads;
  const std::int64_t of_token = options.layers * of_block + 8 * w + 4 * a + options.vocabulary;
  constexpr std::int64_t kScratchRows = 128;  // of attention
  return at_once * options.context * of_token + kScratchRows * options.context;
}

}  // namespace strait
