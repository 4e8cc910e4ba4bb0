// What all ways of reading text share: pages become sources. Internal to core/train/data.
//
// A TextPlace says where text is; its sources are read page by page, so that text of any size
// passes through bounded memory. split_text sends each page to its side of a TextSink: memory
// (load_text) or files (prepare.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/train/data/corpus.h"

namespace strait {

struct Page {
  std::string name;  // decides the split: the same in every source
  std::string text;
  std::int64_t file_bytes = 0;  // of the file, that were read for it
};

using PageVisit = std::function<void(Page&)>;

struct SourceRules {
  // A source that the rule by name leaves without training or held-out text: hold out the last
  // tenth of each page.
  bool may_split_contents = true;
  // Manual pages repeat themselves: 12 % of the German held-out text would be lines that are in the
  // training text as well (translators' notes, licences, common options).
  bool drop_repeated_lines = false;
};

struct PageSource {
  std::string name;
  SourceRules rules = {};
  std::int64_t files = 0;
  std::int64_t file_bytes = 0;                 // of all files together, for a progress bar
  std::string if_empty = {};                   // the mistake; empty = it is left out
  std::function<void(const PageVisit&)> read;  // every page, by name; the same on each call
};

struct TextPlace {
  std::string kind;              // "text", "manual pages"
  std::filesystem::path folder;  // FOLDER/SOURCE says where the text came from
  std::vector<PageSource> sources;
  std::string if_none;  // the mistake if no source has text

  std::int64_t file_bytes() const;
};

/// Where text goes, source by source.
class TextSink {
 public:
  virtual ~TextSink() = default;

  virtual void begin(const PageSource& source) = 0;  // also anew, for the source that is under way
  virtual void add(std::string_view text, bool held_out, bool ends_page) = 0;
  virtual void end(const PageCounts& counts) = 0;  // of a source that is not empty
};

/// Called with each page's bytes of its file.
using OnRead = std::function<void(std::int64_t)>;

/// Sends all text to `sink`. What an earlier source holds is dropped from the later ones.
/// UserError if there is none.
void split_text(const TextPlace& text, TextSink& sink, const OnRead& on_read = {});

/// "text en,de: 1.0 MB train, 0.1 MB held out, sha256 0123456789ab (what FOLDER/SOURCE says)".
std::string describe(const Corpus& corpus, const std::string& kind,
                     const std::filesystem::path& folder);

/// SHA-256 of parts, each with its length: so that bytes cannot move from one to the next unseen.
class PartsHash {
 public:
  PartsHash();
  void add(const void* data, std::size_t size);
  void add(std::string_view text) { add(text.data(), text.size()); }
  std::string hex();

 private:
  std::unique_ptr<void, void (*)(void*)> context_;
};

}  // namespace strait
