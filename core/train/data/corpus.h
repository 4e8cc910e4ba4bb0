// The text that a language model trains on: a few named sources, each split into training and
// held-out tokens. A token is a byte (256 of them), or a byte pair of files that `strait data
// prepare` or another program wrote.
//
// The split is by page (document, file) name, without a seed: a page is held out when the xxHash
// (XXH3, 64 bit) of its name, such as "open.2", is a multiple of ten. So a page that is held out in
// one language is held out in all, and no translation of held-out text is trained on. Pages with
// equal contents count once, in any source. Where that rule would leave a source without training
// or held-out text (a single file, say), the last tenth of each page is held out instead.
//
// Loading is single-threaded and deterministic: the order of files, their packages and the locale
// do not matter. The user's mistakes are UserErrors of one line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/train/data/tokenizer.h"
#include "core/train/data/tokens.h"

namespace strait {

/// Of one source: what was read. Pages are manual pages, files, or lines of JSON.
struct PageCounts {
  std::int64_t files = 0;
  std::int64_t train_pages = 0;
  std::int64_t held_out_pages = 0;
  std::int64_t repeated = 0;        // pages that were there before, and so left out
  std::int64_t bad_utf8_bytes = 0;  // trained on as the bytes that they are
  std::int64_t bad_utf8_pages = 0;

  bool operator==(const PageCounts&) const = default;
};

struct Source {
  std::string name;  // "de", or a folder's or file's name
  Tokens train;      // pages in order of their names, an empty line (or end of text) between
  Tokens held_out;
  PageCounts pages;
};

struct Corpus {
  std::vector<Source> sources;
  std::string hash;         // SHA-256, hex, over the names, the tokens and the split of all sources
  std::string description;  // one line for the banner: what it is, how much, from where
  std::int64_t vocabulary = 256;                         // tokens are below this
  bool is_bytes = true;                                  // a token is a byte of text
  std::shared_ptr<const Tokenizer> tokenizer = nullptr;  // of other tokens, where it is known
};

/// Whether the page (file) of this name is held out.
bool is_held_out(std::string_view name);

/// Bytes of text that the tokens stand for; nothing where that is not known.
std::optional<std::int64_t> text_bytes(const Corpus& corpus, TokenSpan tokens);

/// The text that they stand for, broken UTF-8 included; without a tokenizer their numbers.
std::string text_of_tokens(const Corpus& corpus, TokenSpan tokens);

struct TextPlace;  // core/train/data/pages.h

/// Reads text into memory, a byte a token.
Corpus load_text(const TextPlace& text);

/// What data.text = `text` names (see find_text in core/train/data/find_text.h): text as bytes,
/// token files mapped. Tokens that are not below `vocabulary` (0 = the data's own) are an error.
struct TextOptions {
  std::string text;
  std::vector<std::string> languages;  // of manual pages
  std::filesystem::path manual_pages;  // where they lie
  std::int64_t vocabulary = 0;
};
Corpus load_corpus(const TextOptions& options);

/// The data's own vocabulary: 256 but of token files, whose tokenizer or manifest says it.
std::int64_t vocabulary_of_text(const std::string& text);

}  // namespace strait
