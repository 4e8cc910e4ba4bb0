// What both ways of loading text share: pages become a source, sources become a corpus. Internal to
// core/train/data.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/train/data/corpus.h"

namespace strait {

struct Page {
  std::string name;  // decides the split: the same in every source
  std::string text;
};

struct SourceRules {
  // A source that the rule by name leaves without training or held-out text: hold out the last
  // tenth of each page.
  bool may_split_contents = false;
  // Manual pages repeat themselves: 12 % of the German held-out text would be lines that are in the
  // training text as well (translators' notes, licences, common options).
  bool drop_repeated_lines = false;
};

/// One after the other, so that what an earlier source holds is dropped from the later ones.
class CorpusBuilder {
 public:
  /// Pages in any order. A source that comes out empty is not added: false.
  bool add_source(const std::string& name, std::vector<Page> pages, SourceRules rules);

  /// Fills in hash and description. `kind` is what the text is ("manual pages").
  Corpus finish(const std::filesystem::path& folder, const std::string& kind);

 private:
  Corpus corpus_;
  std::unordered_set<std::uint64_t> seen_pages_;  // XXH3 of the text
};

}  // namespace strait
