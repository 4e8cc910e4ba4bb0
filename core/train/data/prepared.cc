#include "core/train/data/prepared.h"

#include <fmt/format.h>

#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/train/data/manifest.h"
#include "core/train/data/token_files.h"

namespace strait {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& file, const std::string& why) {
  throw UserError(fmt::format("{}: {}; prepare the text again", file, why));
}

Tokens map_tokens(const fs::path& folder, const ManifestFile& file, int token_bytes,
                  std::int64_t vocabulary) {
  const fs::path path = folder / file.name;
  const auto mapped = std::make_shared<const MappedFile>(path);
  if (std::ssize(mapped->bytes()) != file.tokens * token_bytes) {
    refuse(path, fmt::format("{} bytes, where the manifest says {} tokens of {}",
                             mapped->bytes().size(), file.tokens, token_bytes));
  }
  Tokens tokens;
  tokens.append(mapped,
                token_bytes == 2 ? TokenSpan::wide(mapped->bytes()) : TokenSpan(mapped->bytes()));
  if (check_tokens(tokens, vocabulary, path) != file.hash) {
    refuse(path, "its bytes are not those that were written");
  }
  return tokens;
}

}  // namespace

bool is_prepared(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_regular_file(folder / kManifestName, ignored);
}

std::int64_t vocabulary_of_prepared(const fs::path& folder) {
  return read_manifest(folder).vocabulary;
}

Corpus load_prepared(const fs::path& folder, std::int64_t vocabulary) {
  const Manifest manifest = read_manifest(folder);
  Corpus corpus{.sources = {}, .hash = {}, .description = {}};
  corpus.vocabulary = manifest.vocabulary;
  corpus.is_bytes = manifest.tokenizer.empty();
  if (!corpus.is_bytes) {
    const std::string file = folder / manifest.tokenizer;
    corpus.tokenizer = std::make_shared<const Tokenizer>(parse_tokenizer(read_file(file), file));
    if (static_cast<std::int64_t>(corpus.tokenizer->vocabulary()) != manifest.vocabulary) {
      refuse(file, fmt::format("{} tokens, where the manifest says {}",
                               corpus.tokenizer->vocabulary(), manifest.vocabulary));
    }
  }
  const std::int64_t below =
      vocabulary == 0 ? manifest.vocabulary : std::min(vocabulary, manifest.vocabulary);
  PartsHash hash;
  for (const ManifestSource& source : manifest.sources) {
    corpus.sources.push_back(
        {.name = source.name,
         .train = map_tokens(folder, source.train, manifest.token_bytes(), below),
         .held_out = map_tokens(folder, source.held_out, manifest.token_bytes(), below),
         .pages = source.pages});
    for (const auto& part : {source.name, source.train.hash, source.held_out.hash}) hash.add(part);
  }
  corpus.hash = hash.hex();
  corpus.description = describe(corpus, manifest.text, {});
  return corpus;
}

}  // namespace strait
