#include "core/train/data/token_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/train/data/bytes_hash.h"
#include "core/train/data/find_text.h"
#include "core/train/data/text_files.h"

namespace strait {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kGpt2Vocabulary = 50257;
constexpr std::size_t kHeader = 1024;  // bytes
constexpr std::int32_t kMagic = 20240520, kMagicOfFourBytes = 20240801;

std::int32_t int32_at(std::span<const std::uint8_t> bytes, std::size_t i) {
  std::int32_t number = 0;
  std::memcpy(&number, bytes.data() + 4 * i, 4);
  return number;
}

[[noreturn]] void refuse(const fs::path& file, const std::string& why) {
  throw UserError(fmt::format("{}: {}; write it again", file.string(), why));
}

/// The numbers in the file.
TokenSpan tokens_in(const fs::path& file, std::span<const std::uint8_t> bytes) {
  if (bytes.size() >= kHeader && int32_at(bytes, 0) == kMagicOfFourBytes) {
    refuse(file, "its tokens have four bytes (llm.c's version 7), and two are supported");
  }
  if (bytes.size() >= kHeader && int32_at(bytes, 0) == kMagic) {
    if (int32_at(bytes, 1) != 1) {
      refuse(file, fmt::format("llm.c's header has version {}, not 1", int32_at(bytes, 1)));
    }
    const auto count = static_cast<std::int64_t>(int32_at(bytes, 2));
    const auto there = static_cast<std::int64_t>(bytes.size() - kHeader);
    if (count < 0 || there != 2 * count) {
      refuse(file, fmt::format("its header says {} tokens of two bytes, and {} bytes follow", count,
                               there));
    }
    bytes = bytes.subspan(kHeader);
  }
  if (bytes.empty()) refuse(file, "no tokens in it");
  if (bytes.size() % 2 != 0) {
    refuse(file, fmt::format("{} bytes are no tokens of two bytes each", bytes.size()));
  }
  return TokenSpan::wide(bytes);
}

fs::path folder_with(const std::string& text) {
  std::error_code ignored;
  return fs::is_directory(text, ignored) ? text : folder_of(text);
}

std::vector<FileGroup> groups_of(const std::string& text) {
  std::error_code ignored;
  if (!fs::is_directory(text, ignored)) return files_of(text);
  std::vector<FileGroup> groups;
  const auto add = [&](const std::string& name, const fs::path& folder) {
    FileGroup group{.name = name, .files = {}};
    for (const auto& file : list_files(folder)) {
      if (is_token_file(file)) group.files.push_back(folder / file);
    }
    if (!group.files.empty()) groups.push_back(std::move(group));
  };
  for (const auto& name : list_folders(text)) add(name, fs::path(text) / name);
  const fs::path whole = fs::absolute(text).lexically_normal();
  add((whole.has_filename() ? whole.filename() : whole.parent_path().filename()).string(), text);
  return groups;
}

bool is_validation(const fs::path& file) {
  return file.filename().string().find("val") != std::string::npos;
}

std::shared_ptr<const Tokenizer> tokenizer_beside(const std::string& text) {
  std::error_code ignored;
  const std::string file = folder_with(text) / "tokenizer.json";
  if (!fs::is_regular_file(file, ignored)) return nullptr;
  return std::make_shared<const Tokenizer>(parse_tokenizer(read_file(file), file));
}

std::int64_t vocabulary_of(const std::shared_ptr<const Tokenizer>& tokenizer) {
  return tokenizer ? static_cast<std::int64_t>(tokenizer->vocabulary()) : kGpt2Vocabulary;
}

Source load_source(const FileGroup& group, std::int64_t vocabulary, PartsHash& hash) {
  Source source{.name = group.name, .train = {}, .held_out = {}, .pages = {}};
  source.pages.files = static_cast<std::int64_t>(group.files.size());
  const auto held_out = std::count_if(group.files.begin(), group.files.end(), is_validation);
  const bool by_name = held_out > 0 && held_out < std::ssize(group.files);
  hash.add(group.name);
  for (const fs::path& path : group.files) {
    const auto file = std::make_shared<const MappedFile>(path);
    const TokenSpan tokens = tokens_in(path, file->bytes());
    Tokens all;
    all.append(file, tokens);
    hash.add(path.filename().string());
    hash.add(check_tokens(all, vocabulary, path));
    if (by_name) {
      (is_validation(path) ? source.held_out : source.train).append(file, tokens);
      continue;
    }
    const std::size_t cut = tokens.size() - tokens.size() / 10;
    source.train.append(file, tokens.first(cut));
    source.held_out.append(file, tokens.subspan(cut, tokens.size() - cut));
  }
  return source;
}

}  // namespace

bool is_token_file(const fs::path& file) { return file.extension() == ".bin"; }

bool has_token_files(const fs::path& folder) {
  std::vector<std::string> names = list_files(folder);
  for (const auto& below : list_folders(folder)) {
    for (const auto& name : list_files(folder / below)) names.push_back(name);
  }
  const auto is_text = [](const fs::path& file) {
    return file.extension() == ".txt" || file.extension() == ".gz" || file.extension() == ".zst" ||
           is_json_lines(file.filename());
  };
  return std::any_of(names.begin(), names.end(), is_token_file) &&
         std::none_of(names.begin(), names.end(), is_text);
}

std::int64_t vocabulary_of_token_files(const std::string& text) {
  return vocabulary_of(tokenizer_beside(text));
}

std::string check_tokens(const Tokens& tokens, std::int64_t vocabulary, const fs::path& file) {
  BytesHash hash;
  std::int64_t before = 0;
  tokens.each_part([&](TokenSpan part) {
    hash.add(std::as_bytes(part.memory()));
    if (part.largest() >= vocabulary) {
      std::size_t i = 0;
      while (part[i] < vocabulary) ++i;
      throw UserError(fmt::format(
          "{}: token {} at place {} is not below the vocabulary of {}; give model.vocabulary, or "
          "the files of another tokenizer",
          file.string(), part[i], before + static_cast<std::int64_t>(i), vocabulary));
    }
    before += static_cast<std::int64_t>(part.size());
  });
  return hash.hex();
}

Corpus load_token_files(const std::string& text, std::int64_t vocabulary) {
  Corpus corpus{.sources = {}, .hash = {}, .description = {}, .is_bytes = false};
  corpus.tokenizer = tokenizer_beside(text);
  corpus.vocabulary = vocabulary_of(corpus.tokenizer);
  std::int64_t below = vocabulary == 0 ? corpus.vocabulary : vocabulary;
  if (corpus.tokenizer) below = std::min(below, corpus.vocabulary);
  PartsHash hash;
  for (const FileGroup& group : groups_of(text)) {
    for (const fs::path& file : group.files) {
      if (!is_token_file(file)) refuse(file, "no token file (.bin), beside some that are");
    }
    corpus.sources.push_back(load_source(group, below, hash));
  }
  corpus.hash = hash.hex();
  corpus.description = describe(corpus, "tokens", folder_with(text));
  return corpus;
}

}  // namespace strait
