// A folder that `strait data prepare` wrote: text as tokens, ready to be mapped.
//
//   manifest.json            what is in it: format, version, sources with their files, counts,
//   hashes 00-NAME.train.bin        tokens of a source: a byte each, or two (little-endian) of a
//   tokenizer; 00-NAME.held_out.bin     after each document its tokenizer's end of text, or a
//   newline tokenizer.json           Hugging Face's format, where tokens are not bytes
//   tokenizer_config.json
//
// The bytes of the files are what the manifest says, or the folder is refused.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "core/train/data/corpus.h"
#include "core/train/data/pages.h"

namespace strait {

bool is_prepared(const std::filesystem::path& folder);

/// Of its manifest.
std::int64_t vocabulary_of_prepared(const std::filesystem::path& folder);

/// Maps the files, and reads them once to check hashes and numbers. `vocabulary` as in TextOptions.
Corpus load_prepared(const std::filesystem::path& folder, std::int64_t vocabulary);

struct PrepareOptions {
  std::string out;               // a folder that is not there yet
  std::size_t vocabulary = 256;  // bytes, or so many byte pairs, learned from a sample of the text
  std::string tokenizer;         // a tokenizer.json that is used instead; empty = none
};

/// What is being done, and how far it is.
using PrepareProgress =
    std::function<void(const std::string& what, std::int64_t done, std::int64_t total)>;

/// Writes `text` to options.out, a page at a time: some hundred MB of memory for text of any size.
/// UserError for what is wrong with the text or the disk; then there is no such folder.
void prepare_text(const TextPlace& text, const PrepareOptions& options,
                  const PrepareProgress& progress = {});

}  // namespace strait
