// The numbers that make a GPT, and the sizes that have a name. Without code, so that settings
// (core/config) may know them, too: model.size is a row of this table.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

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

struct GptSize {
  std::string_view name;
  GptOptions options;             // with a vocabulary of bytes
  std::int64_t vocabulary = 256;  // of those who published it
};

/// Own sizes, then those of DiLoCo (arXiv 2311.08105, table 1; its attention is wider than the
/// residual stream in the two smaller ones), then OpenAI's.
inline constexpr std::array kGptSizes{
    GptSize{"xxs", {.layers = 2, .width = 128, .heads = 4, .head_size = 32, .context = 64}},
    GptSize{"xs", {.layers = 4, .width = 128, .heads = 4, .head_size = 32, .context = 128}},
    GptSize{"s", {.layers = 6, .width = 256, .heads = 8, .head_size = 32, .context = 256}},
    GptSize{"m", {.layers = 12, .width = 768, .heads = 12, .head_size = 64, .context = 1024}},
    GptSize{
        "60m", {.layers = 3, .width = 896, .heads = 16, .head_size = 64, .context = 1024}, 32'000},
    GptSize{"150m",
            {.layers = 12, .width = 896, .heads = 16, .head_size = 64, .context = 1024},
            32'000},
    GptSize{"400m",
            {.layers = 12, .width = 1536, .heads = 12, .head_size = 128, .context = 1024},
            32'000},
    GptSize{"gpt2",
            {.layers = 12, .width = 768, .heads = 12, .head_size = 64, .context = 1024},
            50'257},
    GptSize{"gpt2-medium",
            {.layers = 24, .width = 1024, .heads = 16, .head_size = 64, .context = 1024},
            50'257},
};

}  // namespace strait
