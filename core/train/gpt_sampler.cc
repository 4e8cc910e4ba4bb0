#include "core/train/gpt_sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/check.h"

namespace strait {
namespace {

/// y = bias + x W with W [in, out]; adds to y where there is no bias.
void project(std::span<const float> x, const float* weight, const float* bias, std::span<float> y) {
  if (bias != nullptr) std::copy_n(bias, y.size(), y.begin());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float* const row = weight + i * y.size();
    for (std::size_t o = 0; o < y.size(); ++o) y[o] += x[i] * row[o];
  }
}

void layer_norm(std::span<const float> x, const float* weight, const float* bias,
                std::span<float> y) {
  double sum = 0, squares = 0;
  for (const float value : x) sum += value;
  const double mean = sum / static_cast<double>(x.size());
  for (const float value : x) squares += (value - mean) * (value - mean);
  const double scale = 1 / std::sqrt(squares / static_cast<double>(x.size()) + 1e-5);
  for (std::size_t i = 0; i < x.size(); ++i) {
    y[i] = static_cast<float>((x[i] - mean) * scale) * weight[i] + bias[i];
  }
}

float gelu(float x) {
  constexpr float kRootOfTwoOverPi = 0.7978845608f;
  return 0.5f * x * (1 + std::tanh(kRootOfTwoOverPi * (x + 0.044715f * x * x * x)));
}

float dot(const float* a, const float* b, std::int64_t n) {
  float sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

/// To weights that sum to 1, in place.
void softmax(std::span<float> scores) {
  const float most = *std::max_element(scores.begin(), scores.end());
  float sum = 0;
  for (float& score : scores) sum += score = std::exp(score - most);
  for (float& score : scores) score /= sum;
}

}  // namespace

GptSampler::GptSampler(const GptOptions& options, std::span<const float> parameters)
    : options_(options), layout_(gpt_layout(options)) {
  STRAIT_CHECK(std::ssize(parameters) == layout_.size(), "{} floats for a layout of {}",
               parameters.size(), layout_.size());
  const auto at = [&](const std::string& name) {
    return parameters.data() + layout_.at(name).offset;
  };
  wte_ = at("wte.weight");
  wpe_ = at("wpe.weight");
  ln_f_ = at("ln_f.weight");
  ln_f_bias_ = at("ln_f.bias");
  const auto kept = static_cast<std::size_t>(options.context * options.attention_width());
  for (std::int64_t i = 0; i < options.layers; ++i) {
    const auto of_block = [&](const char* name) { return at(fmt::format("h.{}.{}", i, name)); };
    blocks_.push_back({.ln_1 = of_block("ln_1.weight"),
                       .ln_1_bias = of_block("ln_1.bias"),
                       .qkv = of_block("attn.c_attn.weight"),
                       .qkv_bias = of_block("attn.c_attn.bias"),
                       .out = of_block("attn.c_proj.weight"),
                       .out_bias = of_block("attn.c_proj.bias"),
                       .ln_2 = of_block("ln_2.weight"),
                       .ln_2_bias = of_block("ln_2.bias"),
                       .up = of_block("mlp.c_fc.weight"),
                       .up_bias = of_block("mlp.c_fc.bias"),
                       .down = of_block("mlp.c_proj.weight"),
                       .down_bias = of_block("mlp.c_proj.bias"),
                       .keys = std::vector<float>(kept),
                       .values = std::vector<float>(kept)});
  }
  stream_.resize(static_cast<std::size_t>(options.width));
  normed_.resize(stream_.size());
  qkv_.resize(static_cast<std::size_t>(3 * options.attention_width()));
  mixed_.resize(static_cast<std::size_t>(options.attention_width()));
  hidden_.resize(static_cast<std::size_t>(4 * options.width));
  logits_.resize(static_cast<std::size_t>(options.vocabulary));
}

std::span<const float> GptSampler::feed(std::int64_t token) {
  STRAIT_CHECK(0 <= token && token < options_.vocabulary, "token {} of {}", token,
               options_.vocabulary);
  if (tokens() == options_.context) {
    const std::vector<std::int64_t> last(tokens_.end() - options_.context / 2, tokens_.end());
    tokens_.clear();
    for (const std::int64_t old : last) step(old);
  }
  return step(token);
}

std::span<const float> GptSampler::step(std::int64_t token) {
  const std::int64_t position = tokens();
  tokens_.push_back(token);
  for (std::int64_t i = 0; i < options_.width; ++i) {
    stream_[static_cast<std::size_t>(i)] =
        wte_[token * options_.width + i] + wpe_[position * options_.width + i];
  }
  const auto add = [&](std::span<const float> x, const float* weight, const float* bias) {
    for (std::size_t i = 0; i < stream_.size(); ++i) stream_[i] += bias[i];
    project(x, weight, nullptr, stream_);
  };
  for (Block& block : blocks_) {
    layer_norm(stream_, block.ln_1, block.ln_1_bias, normed_);
    project(normed_, block.qkv, block.qkv_bias, qkv_);
    attend(block, position);
    add(mixed_, block.out, block.out_bias);
    layer_norm(stream_, block.ln_2, block.ln_2_bias, normed_);
    project(normed_, block.up, block.up_bias, hidden_);
    for (float& value : hidden_) value = gelu(value);
    add(hidden_, block.down, block.down_bias);
  }
  layer_norm(stream_, ln_f_, ln_f_bias_, normed_);
  for (std::int64_t v = 0; v < options_.vocabulary; ++v) {
    logits_[static_cast<std::size_t>(v)] =
        dot(wte_ + v * options_.width, normed_.data(), options_.width);
  }
  return logits_;
}

void GptSampler::attend(Block& block, std::int64_t position) {
  const std::int64_t width = options_.attention_width(), size = options_.head_size;
  std::copy_n(qkv_.begin() + width, width, block.keys.begin() + position * width);
  std::copy_n(qkv_.begin() + 2 * width, width, block.values.begin() + position * width);
  std::fill(mixed_.begin(), mixed_.end(), 0.0f);
  scores_.resize(static_cast<std::size_t>(position + 1));
  const float scale = 1 / std::sqrt(static_cast<float>(size));
  for (std::int64_t first = 0; first < width; first += size) {
    for (std::int64_t t = 0; t <= position; ++t) {
      scores_[static_cast<std::size_t>(t)] =
          scale * dot(qkv_.data() + first, block.keys.data() + t * width + first, size);
    }
    softmax(scores_);
    for (std::int64_t t = 0; t <= position; ++t) {
      const float weight = scores_[static_cast<std::size_t>(t)];
      const float* const value = block.values.data() + t * width + first;
      float* const mixed = mixed_.data() + first;
      for (std::int64_t i = 0; i < size; ++i) mixed[i] += weight * value[i];
    }
  }
}

std::int64_t draw_token(std::span<const float> logits, double temperature, Rng& rng) {
  const auto likeliest = std::max_element(logits.begin(), logits.end());
  if (temperature == 0) return likeliest - logits.begin();
  std::vector<double> weights;
  double sum = 0;
  for (const float logit : logits) {
    sum += weights.emplace_back(std::exp((double{logit} - *likeliest) / temperature));
  }
  double left = rng.uniform() * sum;
  for (std::size_t token = 0; token < weights.size(); ++token) {
    left -= weights[token];
    if (left < 0) return static_cast<std::int64_t>(token);
  }
  return likeliest - logits.begin();  // what rounding left over
}

}  // namespace strait
