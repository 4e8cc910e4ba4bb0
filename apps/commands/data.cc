// strait data: text as tokens in files (prepare), and what there is and who would train on what
// (info).

#include <fmt/format.h>

#include <charconv>
#include <filesystem>

#include "apps/commands/commands.h"
#include "apps/output/human.h"
#include "apps/output/progress.h"
#include "apps/text/data_report.h"
#include "apps/text/text_data.h"
#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/train/data/find_text.h"
#include "core/train/data/prepared.h"
#include "core/train/data/train_tokenizer.h"

namespace strait {
namespace {

constexpr std::string_view kPrepareUsage =
    "write strait data prepare TEXT --out FOLDER [--vocabulary N | --tokenizer FILE]";
constexpr std::string_view kInfoUsage =
    "write strait data info TEXT|FOLDER|SCENARIO [--islands N] [--key value]";

std::size_t vocabulary_of(const std::string& text) {
  if (text.empty()) return 256;
  std::size_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc{} && stop == text.data() + text.size();
  if (!whole || (number != 256 && (number < kSmallestVocabulary || number > kLargestVocabulary))) {
    throw UserError(fmt::format("--vocabulary {}: has to be 256 (bytes) or {} to {}, e.g. 4096",
                                text, kSmallestVocabulary, kLargestVocabulary));
  }
  return number;
}

int prepare(std::vector<std::string> words) {
  PrepareOptions options{.out = take_option(words, "--out", "folder", kPrepareUsage),
                         .tokenizer = take_option(words, "--tokenizer", "file", kPrepareUsage)};
  const std::string vocabulary = take_option(words, "--vocabulary", "number", kPrepareUsage);
  options.vocabulary = vocabulary_of(vocabulary);
  const std::string languages = take_option(words, "--data.languages", "names", kPrepareUsage);
  if (options.out.empty()) throw UserError(fmt::format("no --out; {}", kPrepareUsage));
  if (!vocabulary.empty() && !options.tokenizer.empty()) {
    throw UserError(fmt::format("--vocabulary is the tokenizer's own number; {}", kPrepareUsage));
  }
  if (words.empty()) throw UserError(fmt::format("no text; {}", kPrepareUsage));
  if (words.size() > 1) {
    throw UserError(fmt::format("'{}' is one word too many; {} (a pattern needs quotes: 'a/*.txt')",
                                words[1], kPrepareUsage));
  }
  if (kind_of_text(words[0]) != TextKind::kText) {
    throw UserError(fmt::format("{} has tokens already; name a text", words[0]));
  }
  RunConfig config;
  config.data.text = words[0];
  if (!languages.empty()) config.data.languages = split(languages, ',');
  const TextPlace text = find_text(text_options(config, deps_folder()));

  Progress bar(stdout, is_terminal(stdout));
  prepare_text(text, options,
               [&, percent = std::int64_t{-1}](const std::string& what, std::int64_t done,
                                               std::int64_t total) mutable {
                 if (100 * done / total == percent) return;
                 percent = 100 * done / total;
                 bar.bar(what, percent, 100);
               });
  bar.clear();
  const Corpus corpus = load_prepared(options.out, 0);
  fmt::print("{}\n\n{}\n{}", corpus.description, sources_table(corpus), tokens_text(corpus));
  if (corpus.vocabulary < static_cast<std::int64_t>(options.vocabulary)) {
    fmt::print("no more pairs than that occur twice: {} tokens, not {}\n", corpus.vocabulary,
               options.vocabulary);
  }
  fmt::print("train on it with --data.text {}\n", options.out);
  return 0;
}

/// A name of something that is there and no scenario: text.
bool names_text(const std::string& word) {
  std::error_code ignored;
  return word == "manpages" || (!word.ends_with(".ini") && !files_matching(word).empty());
}

LoadedConfig load_settings(const std::vector<std::string>& words) {
  if (words.empty() || words[0].starts_with("--")) {
    throw UserError(fmt::format("no text; {}", kInfoUsage));
  }
  if (!names_text(words[0])) return load_config("", words);
  std::vector<std::string> keys{"--data.text", words[0], "--network.kind", "pipe"};
  keys.insert(keys.end(), words.begin() + 1, words.end());
  return load_config("", keys);
}

int info(const std::vector<std::string>& words) {
  const LoadedConfig loaded = load_settings(words);
  const RunConfig& config = loaded.config;
  if (config.task.name != "language") {
    throw UserError(fmt::format("task.name = {}: has no text; use language", config.task.name));
  }
  const Corpus corpus = load_corpus(text_options(config, deps_folder()));
  const BatchOptions options = batch_options(config);
  const Batches batches(corpus, options);
  held_out_windows(corpus, config.data.held_out_windows, options.context);  // are there enough?
  fmt::print("{}\n\n{}\n{}", corpus.description, sources_table(corpus), tokens_text(corpus));
  fmt::print("\n{} islands, data.split = {}, windows of {} tokens\n\n{}\n", options.islands,
             config.data.split, options.context, islands_table(corpus, batches, options.islands));
  fmt::print("island 0 begins with: {}\n", sample_text(corpus, batches));
  return 0;
}

}  // namespace

int command_data(const std::vector<std::string>& words) {
  const std::string what = words.empty() ? "" : words.front();
  const std::vector<std::string> rest(words.begin() + (words.empty() ? 0 : 1), words.end());
  if (what == "prepare") return prepare(rest);
  if (what == "info") return info(rest);
  throw UserError(fmt::format("{}; {}, or {}",
                              what.empty() ? "no word after data" : "'" + what + "' is not known",
                              kPrepareUsage, kInfoUsage));
}

}  // namespace strait
