#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "core/base/errors.h"
#include "core/train/data/find_text.h"
#include "core/train/data/roff.h"
#include "core/train/data/text_files.h"
#include "core/train/data/utf8.h"

namespace strait {
namespace {

namespace fs = std::filesystem;

constexpr char kFix[] = "run scripts/setup.sh, or name a folder of text with data.text";

/// man1, man3, man3type ...: a folder of pages, not a language.
bool is_section(const std::string& name) {
  return name.size() > 3 && name.starts_with("man") && name[3] >= '0' && name[3] <= '9';
}

bool has_sections(const fs::path& folder) {
  const auto names = list_folders(folder);
  return std::any_of(names.begin(), names.end(), is_section);
}

/// The folders that are laid out as /usr/share/man: one per package, or the folder itself.
std::vector<fs::path> man_roots(const fs::path& folder) {
  std::vector<fs::path> roots;
  std::error_code error;
  for (const auto& package : list_folders(folder)) {
    const auto root = folder / package / "usr/share/man";
    if (fs::is_directory(root, error)) roots.push_back(root);
  }
  if (fs::is_directory(folder / "usr/share/man", error)) roots.push_back(folder / "usr/share/man");
  if (roots.empty() && fs::is_directory(folder, error)) roots.push_back(folder);
  return roots;
}

std::set<std::string> known_languages(const std::vector<fs::path>& roots) {
  std::set<std::string> known;
  for (const auto& root : roots) {
    if (has_sections(root)) known.insert("en");
    for (const auto& name : list_folders(root)) {
      if (!is_section(name) && has_sections(root / name)) known.insert(name);
    }
  }
  return known;
}

Page read_page(const fs::path& file) {
  Page page{.name = file.filename().string(), .text = {}};
  if (page.name.ends_with(".gz")) page.name.resize(page.name.size() - 3);
  std::string source = read_text_file(file);
  // Debian's policy is UTF-8; an old page that is not is Latin-1 as a rule.
  if (!is_utf8(source)) source = utf8_of_latin1(source);
  page.text = plain_text_of_roff(source);
  return page;
}

std::vector<fs::path> files_of_language(const std::vector<fs::path>& roots,
                                        const std::string& language) {
  std::vector<fs::path> files;
  for (const auto& root : roots) {
    const auto folder = language == "en" ? root : root / language;
    for (const auto& section : list_folders(folder)) {
      if (!is_section(section)) continue;
      for (const auto& name : list_files(folder / section)) {
        files.push_back(folder / section / name);
      }
    }
  }
  return files;
}

/// All pages of a language at once: their order is that of their names and texts.
void read_language(const std::vector<fs::path>& files, const PageVisit& visit) {
  std::vector<Page> pages;
  for (const auto& file : files) pages.push_back(read_page(file));
  std::sort(pages.begin(), pages.end(), [](const Page& a, const Page& b) {
    return std::tie(a.name, a.text) < std::tie(b.name, b.text);
  });
  for (Page& page : pages) visit(page);
}

std::string no_text(const std::string& language, const fs::path& folder,
                    const std::set<std::string>& known) {
  if (known.empty()) return fmt::format("no manual pages in {}; {}", folder.string(), kFix);
  return fmt::format("no text for language '{}' in {}; known: {}; {}", language, folder.string(),
                     fmt::join(known, ", "), kFix);
}

}  // namespace

TextPlace manual_pages(const fs::path& folder, std::span<const std::string> languages) {
  const auto roots = man_roots(folder);
  const auto known = known_languages(roots);
  if (known.empty()) throw UserError(no_text("", folder, known));
  if (languages.empty()) {
    throw UserError(fmt::format("no language named for {}; known: {}", folder.string(),
                                fmt::join(known, ", ")));
  }
  TextPlace place{.kind = "manual pages",
                  .folder = folder,
                  .sources = {},
                  .if_none = no_text("", folder, known)};
  for (auto it = languages.begin(); it != languages.end(); ++it) {
    if (std::find(languages.begin(), it, *it) != it) {
      throw UserError(fmt::format("language '{}' is named twice; name each once", *it));
    }
    const std::string mistake = no_text(*it, folder, known);
    if (known.count(*it) == 0) throw UserError(mistake);
    auto files = files_of_language(roots, *it);
    PageSource source{.name = *it,
                      .rules = {.may_split_contents = false, .drop_repeated_lines = true},
                      .files = static_cast<std::int64_t>(files.size()),
                      .if_empty = mistake,
                      .read = {}};
    source.read = [files = std::move(files)](const PageVisit& visit) {
      read_language(files, visit);
    };
    place.sources.push_back(std::move(source));
  }
  return place;
}

}  // namespace strait
