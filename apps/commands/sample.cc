// strait sample RUN|CHECKPOINT [--prompt TEXT] [--tokens N] [--temperature T] [--seed N]: text of a
// model, byte by byte.

#include <fmt/format.h>

#include <charconv>
#include <cstdio>

#include "apps/commands/commands.h"
#include "apps/commands/saved_model.h"
#include "core/base/errors.h"
#include "core/train/gpt_sampler.h"

namespace strait {

namespace {

constexpr std::string_view kSampleUsage =
    "write strait sample RUN|CHECKPOINT [--prompt TEXT] [--tokens 200] [--temperature 0.8] "
    "[--seed 1]";
constexpr std::int64_t kMostTokens = 1'000'000;

/// The option's number, or `otherwise` if it is not there.
template <class T>
T number(std::vector<std::string>& words, const std::string& option, T otherwise, T most) {
  const std::string text = take_option(words, option, "number", kSampleUsage);
  if (text.empty()) return otherwise;
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !(value >= 0 && value <= most)) {
    throw UserError(fmt::format("{} {}: has to be 0 to {}; {}", option, text, most, kSampleUsage));
  }
  return value;
}

void put(std::int64_t token) {
  // Other tokenizers than bytes come in here.
  const auto byte = static_cast<char>(token);
  std::fwrite(&byte, 1, 1, stdout);
}

}  // namespace

int command_sample(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = arguments;
  std::string prompt = take_option(words, "--prompt", "text", kSampleUsage);
  const auto tokens = number<std::int64_t>(words, "--tokens", 200, kMostTokens);
  const auto temperature = number<double>(words, "--temperature", 0.8, 100);
  const auto seed = number<std::uint64_t>(words, "--seed", 1, ~std::uint64_t{0});
  if (words.empty()) throw UserError(fmt::format("no run and no checkpoint; {}", kSampleUsage));
  if (words.size() > 1) {
    throw UserError(fmt::format("'{}' is one word too many; {}", words[1], kSampleUsage));
  }
  const SavedModel model = load_model(pick_checkpoint(words.front()));
  if (model.gpt.vocabulary != 256) {
    throw UserError(
        fmt::format("{}: has a vocabulary of {} tokens; only models of bytes (256) can be sampled",
                    words.front(), model.gpt.vocabulary));
  }
  std::fwrite(prompt.data(), 1, prompt.size(), stdout);
  if (prompt.empty()) prompt.push_back('\n');  // a text begins somewhere
  GptSampler sampler(model.gpt, model.parameters);
  std::span<const float> logits;
  for (const char byte : prompt) logits = sampler.feed(static_cast<unsigned char>(byte));
  Rng rng(seed, "sample");
  for (std::int64_t i = 0; i < tokens; ++i) {
    const std::int64_t token = draw_token(logits, temperature, rng);
    put(token);
    logits = sampler.feed(token);
  }
  std::fputc('\n', stdout);
  return 0;
}

}  // namespace strait
