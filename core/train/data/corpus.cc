#include "core/train/data/corpus.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <xxhash.h>

#include <algorithm>
#include <memory>
#include <tuple>

#include "core/base/check.h"
#include "core/train/data/pages.h"
#include "core/train/data/text_files.h"

namespace strait {
namespace {

constexpr std::uint64_t kHeldOutOneIn = 10;
constexpr std::size_t kLongLine = 64;  // bytes; shorter lines are headings, names, code

void append(std::vector<std::uint8_t>& bytes, std::string_view text) {
  bytes.insert(bytes.end(), text.begin(), text.end());
}

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    STRAIT_CHECK(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1,
                 "OpenSSL has no SHA-256");
  }
  /// The length first: so that bytes cannot move from one field to the next unseen.
  void add(const void* data, std::size_t size) {
    std::uint8_t length[8];
    for (int i = 0; i < 8; ++i) length[i] = static_cast<std::uint8_t>(size >> (8 * i));
    EVP_DigestUpdate(context_.get(), length, sizeof length);
    EVP_DigestUpdate(context_.get(), data, size);
  }
  std::string hex() {
    std::uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    STRAIT_CHECK(EVP_DigestFinal_ex(context_.get(), digest, &size) == 1, "SHA-256 did not finish");
    std::string text;
    for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

std::string hash_of(const std::vector<Source>& sources) {
  Sha256 sha;
  for (const auto& source : sources) {
    sha.add(source.name.data(), source.name.size());
    sha.add(source.train.data(), source.train.size());
    sha.add(source.held_out.data(), source.held_out.size());
  }
  return sha.hex();
}

/// Where the last tenth begins: at a line's start where there is one near.
std::size_t last_tenth(std::string_view text) {
  const std::size_t cut = text.size() - text.size() / kHeldOutOneIn;
  const std::size_t line = text.find('\n', cut);
  if (line != std::string_view::npos && line + 1 < text.size() && line - cut < 1000)
    return line + 1;
  return cut;
}

/// Splits off the text up to and with the next newline.
std::string_view take_line(std::string_view& text) {
  const auto line = text.substr(0, std::min(text.find('\n'), text.size() - 1) + 1);
  text.remove_prefix(line.size());
  return line;
}

/// Keeps the first of equal long lines, in the order of the pages. A section that loses all but its
/// heading goes with them.
void drop_repeated_lines(std::vector<Page>& pages) {
  std::unordered_set<std::uint64_t> seen;
  std::string kept;
  for (auto& page : pages) {
    kept.clear();
    std::size_t section =
        0;  // where the section begins in `kept`, its empty line before it included
    int lines = 0, dropped = 0;
    const auto end_section = [&] {
      if (lines == 1 && dropped > 0) kept.resize(section);
    };
    for (std::string_view rest = page.text; !rest.empty();) {
      const auto line = take_line(rest);
      if (line == "\n") {
        end_section();
        section = kept.size();
        lines = dropped = 0;
        if (kept.empty()) continue;
      } else if (line.size() > kLongLine &&
                 !seen.insert(XXH3_64bits(line.data(), line.size())).second) {
        ++dropped;
        continue;
      } else {
        ++lines;
      }
      kept += line;
    }
    end_section();
    page.text = kept;
  }
  std::erase_if(pages, [](const Page& page) { return page.text.empty(); });
}

void add_page(const Page& page, Source& source) {
  const bool held_out = is_held_out(page.name);
  append(held_out ? source.held_out : source.train, page.text);
  append(held_out ? source.held_out : source.train, "\n");
  ++(held_out ? source.held_out_pages : source.train_pages);
}

void split_contents(const std::vector<Page>& pages, Source& source) {
  source.train.clear();
  source.held_out.clear();
  for (const auto& page : pages) {
    const std::string_view text = page.text;
    const std::size_t cut = last_tenth(text);
    append(source.train, text.substr(0, cut));
    append(source.held_out, text.substr(cut));
    append(source.held_out, "\n");
  }
  source.train_pages = source.held_out_pages = static_cast<int>(pages.size());
}

}  // namespace

bool is_held_out(std::string_view name) {
  return XXH3_64bits(name.data(), name.size()) % kHeldOutOneIn == 0;
}

bool CorpusBuilder::add_source(const std::string& name, std::vector<Page> pages,
                               SourceRules rules) {
  std::sort(pages.begin(), pages.end(), [](const Page& a, const Page& b) {
    return std::tie(a.name, a.text) < std::tie(b.name, b.text);
  });
  const auto seen_before = [this](const Page& page) {
    return page.text.empty() ||
           !seen_pages_.insert(XXH3_64bits(page.text.data(), page.text.size())).second;
  };
  pages.erase(std::remove_if(pages.begin(), pages.end(), seen_before), pages.end());
  if (rules.drop_repeated_lines) drop_repeated_lines(pages);
  if (pages.empty()) return false;

  Source source;
  source.name = name;
  for (const auto& page : pages) add_page(page, source);
  if (rules.may_split_contents && (source.train.empty() || source.held_out.empty())) {
    split_contents(pages, source);
  }
  corpus_.sources.push_back(std::move(source));
  return true;
}

Corpus CorpusBuilder::finish(const std::filesystem::path& folder, const std::string& kind) {
  corpus_.hash = hash_of(corpus_.sources);
  std::size_t train = 0, held_out = 0;
  std::string names;
  for (const auto& source : corpus_.sources) {
    train += source.train.size();
    held_out += source.held_out.size();
    if (!names.empty()) names += ',';
    names += source.name;
  }
  corpus_.description =
      fmt::format("{} {}: {:.1f} MB train, {:.1f} MB held out, sha256 {}", kind, names,
                  static_cast<double>(train) * 1e-6, static_cast<double>(held_out) * 1e-6,
                  corpus_.hash.substr(0, 12));
  std::error_code missing;
  if (std::filesystem::is_regular_file(folder / "SOURCE", missing)) {
    std::string from = read_text_file(folder / "SOURCE");
    while (!from.empty() && from.back() == '\n') from.pop_back();
    for (char& c : from) c = static_cast<unsigned char>(c) < 0x20 || c == '\x7f' ? ' ' : c;
    corpus_.description += fmt::format(" ({})", from);
  }
  return std::move(corpus_);
}

}  // namespace strait
