// Token files (.bin): numbers of two bytes, little-endian, that another program made of a text.
//
//   nanoGPT   the numbers and nothing else
//   llm.c     256 int32 before them: 20240520, 1, how many there are, zeros
//
// They are mapped, not read. A `tokenizer.json` in their folder says what they stand for; without
// one they are GPT-2's as to their number, 50,257, and their text is not known. Files whose name
// has `val` in it are held out; where none has, the last tenth of each file is.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "core/train/data/corpus.h"

namespace strait {

bool is_token_file(const std::filesystem::path& file);

/// Token files in it or its direct sub-folders, and no text.
bool has_token_files(const std::filesystem::path& folder);

/// `text` is a file, a pattern or a folder (whose sub-folders are sources). Reads all numbers once:
/// UserError if one is not below `vocabulary` (0 = the data's own).
Corpus load_token_files(const std::string& text, std::int64_t vocabulary);

/// Of their tokenizer.json, else GPT-2's.
std::int64_t vocabulary_of_token_files(const std::string& text);

/// A number as large as `vocabulary` in the tokens of `file` is a UserError. Says the hash of their
/// bytes (bytes_hash.h): one pass at the speed of memory.
std::string check_tokens(const Tokens& tokens, std::int64_t vocabulary,
                         const std::filesystem::path& file);

}  // namespace strait
