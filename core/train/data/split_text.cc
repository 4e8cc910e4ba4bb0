#include <xxhash.h>

#include <algorithm>
#include <unordered_set>

#include "core/base/errors.h"
#include "core/train/data/pages.h"
#include "core/train/data/utf8.h"

namespace strait {
namespace {

constexpr std::size_t kLongLine = 64;        // bytes; shorter lines are headings, names, code
constexpr std::size_t kPagesSeen = 4 << 20;  // of which repeats are found: 200 MB of memory

std::uint64_t hash_of(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

/// Splits off the text up to and with the next newline.
std::string_view take_line(std::string_view& text) {
  const auto line = text.substr(0, std::min(text.find('\n'), text.size() - 1) + 1);
  text.remove_prefix(line.size());
  return line;
}

/// The page without the long lines that are in `seen`, where its own are put. A section that loses
/// all but its heading goes with them.
std::string without_repeats(std::string_view page, std::unordered_set<std::uint64_t>& seen) {
  std::string kept;
  std::size_t section = 0;  // where it begins in `kept`, its empty line before it included
  int lines = 0, dropped = 0;
  const auto end_section = [&] {
    if (lines == 1 && dropped > 0) kept.resize(section);
  };
  for (std::string_view rest = page; !rest.empty();) {
    const auto line = take_line(rest);
    if (line == "\n") {
      end_section();
      section = kept.size();
      lines = dropped = 0;
      if (kept.empty()) continue;
    } else if (line.size() > kLongLine && !seen.insert(hash_of(line)).second) {
      ++dropped;
      continue;
    } else {
      ++lines;
    }
    kept += line;
  }
  end_section();
  return kept;
}

/// Where the last tenth begins: at a line's start where there is one near.
std::size_t last_tenth(std::string_view text) {
  const std::size_t cut = text.size() - text.size() / 10;
  const std::size_t line = text.find('\n', cut);
  if (line != std::string_view::npos && line + 1 < text.size() && line - cut < 1000)
    return line + 1;
  return cut;
}

class Splitter {
 public:
  Splitter(TextSink& sink, const OnRead& on_read) : sink_(sink), on_read_(on_read) {}

  /// False: the source is empty.
  bool split(const PageSource& source) {
    PageCounts counts = pass(source, /*by_name=*/true);
    const bool one_side = counts.train_pages == 0 || counts.held_out_pages == 0;
    if (counts.train_pages + counts.held_out_pages == 0) return false;
    if (one_side && source.rules.may_split_contents) {
      for (const std::uint64_t page : added_) seen_.erase(page);
      counts = pass(source, /*by_name=*/false);
    }
    sink_.end(counts);
    return true;
  }

 private:
  PageCounts pass(const PageSource& source, bool by_name) {
    PageCounts counts{.files = source.files};
    std::unordered_set<std::uint64_t> lines;
    added_.clear();
    sink_.begin(source);
    source.read([&](Page& page) {
      if (on_read_ && by_name) on_read_(page.file_bytes);
      if (page.text.empty() || repeated(page.text, counts)) return;
      if (source.rules.drop_repeated_lines) page.text = without_repeats(page.text, lines);
      if (!page.text.empty()) send(page, by_name, counts);
    });
    return counts;
  }

  bool repeated(std::string_view text, PageCounts& counts) {
    const std::uint64_t hash = hash_of(text);
    if (seen_.size() >= kPagesSeen) {
      if (!seen_.contains(hash)) return false;
    } else if (seen_.insert(hash).second) {
      // For a second pass, which there is only where one side stays empty.
      if (counts.train_pages == 0 || counts.held_out_pages == 0) added_.push_back(hash);
      return false;
    }
    ++counts.repeated;
    return true;
  }

  void send(const Page& page, bool by_name, PageCounts& counts) {
    const std::int64_t bad = bad_utf8_bytes(page.text);
    counts.bad_utf8_bytes += bad;
    counts.bad_utf8_pages += bad > 0;
    if (by_name) {
      const bool held_out = is_held_out(page.name);
      ++(held_out ? counts.held_out_pages : counts.train_pages);
      sink_.add(page.text, held_out, /*ends_page=*/true);
      return;
    }
    const std::string_view text = page.text;
    const std::size_t cut = last_tenth(text);
    ++counts.train_pages;
    ++counts.held_out_pages;
    sink_.add(text.substr(0, cut), /*held_out=*/false, /*ends_page=*/false);
    sink_.add(text.substr(cut), /*held_out=*/true, /*ends_page=*/true);
  }

  TextSink& sink_;
  const OnRead& on_read_;
  std::unordered_set<std::uint64_t> seen_;  // pages of all sources
  std::vector<std::uint64_t> added_;        // by this source
};

}  // namespace

std::int64_t TextPlace::file_bytes() const {
  std::int64_t bytes = 0;
  for (const PageSource& source : sources) bytes += source.file_bytes;
  return bytes;
}

void split_text(const TextPlace& text, TextSink& sink, const OnRead& on_read) {
  Splitter splitter(sink, on_read);
  bool any = false;
  for (const PageSource& source : text.sources) {
    const bool there = splitter.split(source);
    if (!there && !source.if_empty.empty()) throw UserError(source.if_empty);
    any |= there;
  }
  if (!any) throw UserError(text.if_none);
}

}  // namespace strait
