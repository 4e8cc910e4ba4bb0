// What data.text may name, and how it is told apart:
//
//   manpages                  the manual pages that the set-up fetched
//   a folder                  each direct sub-folder with text a source; with files only, one
//   source a file, texts/*.txt       a source per folder that the files are in
//   *.bin, a folder of them   token files: token_files.h
//   a folder that `strait data prepare` wrote: prepared.h
//
// Text files are plain, gzip or zstd, or lines of JSON (text_files.h). Reads names, no contents.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/train/data/pages.h"

namespace strait {

enum class TextKind { kText, kTokenFiles, kPrepared };

/// UserError if there is nothing of that name.
TextKind kind_of_text(const std::string& text);

/// Of kText. UserError if there are no files.
TextPlace find_text(const TextOptions& options);

/// A folder of text files.
TextPlace text_folder(const std::filesystem::path& folder);

/// Manual pages from unpacked Debian packages: FOLDER/PACKAGE/usr/share/man[/LANGUAGE]/man*/*.gz,
/// or FOLDER itself laid out as usr/share/man is. "en" are the pages without a language folder. One
/// source per language, in the order given; a page equal to one of an earlier language is dropped.
TextPlace manual_pages(const std::filesystem::path& folder, std::span<const std::string> languages);

/// Files that `text`, a pattern or a file, names, by the folder that they are in.
struct FileGroup {
  std::string name;                          // the folder's, or a single file's without its endings
  std::vector<std::filesystem::path> files;  // sorted
};
std::vector<FileGroup> files_of(const std::string& text);

}  // namespace strait
