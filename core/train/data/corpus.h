// The text that a language model trains on: a few named sources, each split into training and
// held-out bytes. The vocabulary is bytes (256 tokens).
//
// The split is by page (file) name, without a seed: a page is held out when the xxHash (XXH3, 64
// bit) of its name, such as "open.2", is a multiple of ten. So a page that is held out in one
// language is held out in all, and no translation of held-out text is trained on. Pages with equal
// contents count once, in any language; so does a long paragraph within a source (see
// kept_paragraphs in corpus.cc).
//
// Loading is single-threaded and deterministic: the order of files, their packages and the locale
// do not matter. The user's mistakes are UserErrors of one line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strait {

struct Source {
  std::string name;                 // "de", or a folder's name
  std::vector<std::uint8_t> train;  // pages in order of their names, an empty line between
  std::vector<std::uint8_t> held_out;
  int train_pages = 0;
  int held_out_pages = 0;
};

struct Corpus {
  std::vector<Source> sources;
  std::string hash;         // SHA-256, hex, over the names, the bytes and the split of all sources
  std::string description;  // one line for the banner: what it is, how much, from where
};

/// Whether the page (file) of this name is held out.
bool is_held_out(std::string_view name);

/// Manual pages from unpacked Debian packages: FOLDER/PACKAGE/usr/share/man[/LANGUAGE]/man*/*.gz,
/// or FOLDER itself laid out as usr/share/man is. "en" are the pages without a language folder. One
/// source per language, in the order given; a page equal to one of an earlier language is dropped.
/// FOLDER/SOURCE, one line on where the text came from, goes into the description.
Corpus load_manual_pages(const std::filesystem::path& folder,
                         std::span<const std::string> languages);

/// Any folder of text files (plain or gzip). Each direct sub-folder with text is a source, files
/// below it counted by their path in it; with files only, the folder is one source. Files with NUL
/// bytes are skipped. Where the rule by name would leave a source without training or held-out text
/// (a single file, say), the last tenth of each of its files is held out instead.
Corpus load_text_folder(const std::filesystem::path& folder);

}  // namespace strait
