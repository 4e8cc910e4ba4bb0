// Reading text files for training: plain or gzip, whole. Errors are UserErrors that name the file.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace strait {

/// The file's bytes, inflated when they are gzip.
std::string read_text_file(const std::filesystem::path& file);

/// Names of the direct entries of `folder` that are no symbolic links and not hidden, sorted by
/// their bytes (no locale). Empty when the folder is missing or may not be read.
std::vector<std::string> list_files(const std::filesystem::path& folder);
std::vector<std::string> list_folders(const std::filesystem::path& folder);

bool is_utf8(std::string_view bytes);
std::string utf8_of_latin1(std::string_view bytes);

}  // namespace strait
