#include <fmt/format.h>

#include <algorithm>

#include "core/base/errors.h"
#include "core/train/data/corpus.h"
#include "core/train/data/pages.h"
#include "core/train/data/text_files.h"

namespace strait {
namespace {

namespace fs = std::filesystem;

constexpr int kDeepest = 32;  // folders below folders; links are not followed, so this is never met

void normalise_newlines(std::string& text) {
  std::size_t to = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool pair = text[at] == '\r' && at + 1 < text.size() && text[at + 1] == '\n';
    if (!pair) text[to++] = text[at] == '\r' ? '\n' : text[at];
  }
  text.resize(to);
}

/// Appends the text files of `folder`; `name` is its path within the source.
void read_files(const fs::path& folder, const std::string& name, std::vector<Page>& pages) {
  for (const auto& file : list_files(folder)) {
    if (name.empty() && file == "SOURCE") continue;
    Page page{.name = name + file, .text = read_text_file(folder / file)};
    if (page.text.find('\0') != std::string::npos) continue;
    normalise_newlines(page.text);
    pages.push_back(std::move(page));
  }
}

void read_tree(const fs::path& folder, const std::string& name, int depth,
               std::vector<Page>& pages) {
  read_files(folder, name, pages);
  if (depth >= kDeepest) return;
  for (const auto& below : list_folders(folder)) {
    read_tree(folder / below, name + below + "/", depth + 1, pages);
  }
}

}  // namespace

Corpus load_text_folder(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    throw UserError(
        fmt::format("{}: no such folder; name a folder of text files", folder.string()));
  }
  CorpusBuilder builder;
  bool any = false;
  for (const auto& name : list_folders(folder)) {
    std::vector<Page> pages;
    read_tree(folder / name, "", 0, pages);
    any |= builder.add_source(name, std::move(pages), {.may_split_contents = true});
  }
  if (!any) {
    const auto whole = fs::absolute(folder).lexically_normal();
    const auto name = whole.has_filename() ? whole.filename() : whole.parent_path().filename();
    std::vector<Page> pages;
    read_files(folder, "", pages);
    any = builder.add_source(name.string(), std::move(pages), {.may_split_contents = true});
  }
  if (!any) {
    throw UserError(fmt::format("no text files in {}; put text there, or one folder per source",
                                folder.string()));
  }
  return builder.finish(folder, "text");
}

}  // namespace strait
