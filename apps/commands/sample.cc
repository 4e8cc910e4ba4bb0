// strait sample RUN|CHECKPOINT [--prompt TEXT] [--tokens N] [--temperature T] [--seed N]
//               [--logits FILE]: text of a model, token by token.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>

#include "apps/commands/commands.h"
#include "apps/commands/saved_model.h"
#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/train/gpt_sampler.h"
#include "core/train/safetensors.h"

namespace strait {

namespace {

constexpr std::string_view kSampleUsage =
    "write strait sample RUN|CHECKPOINT [--prompt TEXT] [--tokens 200] [--temperature 0.8] "
    "[--seed 1] [--logits FILE.safetensors]";
constexpr std::int64_t kMostTokens = 1'000'000;
constexpr std::int64_t kMostLogits = 256 << 20;  // 1 GiB

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

/// What the model begins with: the prompt, else the end of a text before it.
std::vector<std::int64_t> tokens_of(const Tokenizer& tokenizer, const std::string& prompt) {
  const auto end = tokenizer.end_of_text();
  if (prompt.empty()) return {end ? *end : tokenizer.of_byte('\n')};
  std::vector<Token> tokens;
  Encoder(tokenizer).encode(prompt, tokens);
  return {tokens.begin(), tokens.end()};
}

void put(const Tokenizer& tokenizer, std::int64_t number) {
  const auto token = static_cast<Token>(number);
  const std::string& piece = tokenizer.piece(token);
  const bool ends_text = tokenizer.end_of_text() == token;
  std::fwrite(ends_text ? "\n" : piece.data(), 1, ends_text ? 1 : piece.size(), stdout);
}

/// Feeds tokens and keeps the logits of each, if somebody wants them.
class Feeder {
 public:
  Feeder(const SavedModel& model, bool keep)
      : sampler_(model.gpt, model.parameters), keep_(keep), vocabulary_(model.gpt.vocabulary) {}

  std::span<const float> feed(std::int64_t token) {
    const auto logits = sampler_.feed(token);
    if (keep_) {
      tokens_.push_back(token);
      logits_.insert(logits_.end(), logits.begin(), logits.end());
    }
    return logits;
  }

  /// tokens: int64 [n]; logits: fp32 [n, vocabulary], those of the token after.
  void write(AtomicFile& file) const {
    const std::int64_t n = std::ssize(tokens_);
    write_safetensors(
        [&](std::span<const std::byte> bytes) { file.write(bytes); },
        {i64_entry("tokens", {n}, tokens_), f32_entry("logits", {n, vocabulary_}, logits_)});
    file.commit();
  }

 private:
  GptSampler sampler_;
  const bool keep_;
  const std::int64_t vocabulary_;
  std::vector<std::int64_t> tokens_;
  std::vector<float> logits_;
};

}  // namespace

int command_sample(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = arguments;
  const std::string prompt = take_option(words, "--prompt", "text", kSampleUsage);
  const std::string file = take_option(words, "--logits", "file", kSampleUsage);
  const auto tokens = number<std::int64_t>(words, "--tokens", 200, kMostTokens);
  const auto temperature = number<double>(words, "--temperature", 0.8, 100);
  const auto seed = number<std::uint64_t>(words, "--seed", 1, ~std::uint64_t{0});
  if (words.empty()) throw UserError(fmt::format("no run and no checkpoint; {}", kSampleUsage));
  if (words.size() > 1) {
    throw UserError(fmt::format("'{}' is one word too many; {}", words[1], kSampleUsage));
  }
  std::optional<AtomicFile> kept;  // whose place is tried before anything is computed
  if (!file.empty()) kept.emplace(file, "--logits");
  const SavedModel model = load_model(pick_checkpoint(words.front()));
  if (!model.tokenizer) {
    throw UserError(
        fmt::format("{}: has no tokenizer, so nobody knows what its {} tokens stand for; put the "
                    "tokenizer.json that its token files were made with beside them, and train",
                    model.path, model.gpt.vocabulary));
  }
  const Tokenizer& tokenizer = *model.tokenizer;
  const std::vector<std::int64_t> begin = tokens_of(tokenizer, prompt);
  if (const std::int64_t most = kMostLogits / model.gpt.vocabulary - std::ssize(begin);
      kept && tokens > most) {
    throw UserError(fmt::format("--tokens {}: too many to keep the logits of; write {} or fewer",
                                tokens, std::max<std::int64_t>(0, most)));
  }
  Feeder feeder(model, kept.has_value());
  std::span<const float> logits;
  for (const std::int64_t token : begin) logits = feeder.feed(token);
  std::fwrite(prompt.data(), 1, prompt.size(), stdout);
  // A model may have room for more tokens than there are.
  const std::size_t known = std::min(tokenizer.vocabulary(), logits.size());
  Rng rng(seed, "sample");
  for (std::int64_t i = 0; i < tokens; ++i) {
    const std::int64_t token = draw_token(logits.first(known), temperature, rng);
    put(tokenizer, token);
    logits = feeder.feed(token);
  }
  std::fputc('\n', stdout);
  if (kept) feeder.write(*kept);
  return 0;
}

}  // namespace strait
