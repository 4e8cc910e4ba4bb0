// Reading text files for training. Errors are UserErrors that name the file.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/train/data/pages.h"

namespace strait {

/// The file's bytes, unpacked when they are gzip or zstd; at most 1 GiB.
std::string read_text_file(const std::filesystem::path& file);

/// Names of the direct entries of `folder` that are no symbolic links and not hidden, sorted by
/// their bytes (no locale). Empty when the folder is missing or may not be read.
std::vector<std::string> list_files(const std::filesystem::path& folder);
std::vector<std::string> list_folders(const std::filesystem::path& folder);

/// Lines of JSON: .jsonl, .ndjson, and .json.gz or .json.zst (C4), the first two packed or not.
bool is_json_lines(const std::string& file_name);

/// The documents of a text file: of lines of JSON, the `text` of each line, named "NAME:LINE";
/// else the file as one page, or, where it is larger than 16 MiB, in pages of that size that end
/// with a line ("NAME", "NAME#1", ...). Line ends become '\n'; a file with a NUL byte is no text
/// and ends there.
void read_pages(const std::filesystem::path& file, const std::string& name, const PageVisit& visit);

}  // namespace strait
