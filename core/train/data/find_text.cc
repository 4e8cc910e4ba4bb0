#include "core/train/data/find_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/train/data/prepared.h"
#include "core/train/data/text_files.h"
#include "core/train/data/token_files.h"

namespace strait {
namespace {

namespace fs = std::filesystem;

constexpr int kDeepest = 32;  // folders below folders; links are not followed, so this is never met

struct TextFile {
  std::string name;  // its path within the source
  fs::path path;
};

/// Appends the files below `folder`; `prefix` is its path within the source.
void list_tree(const fs::path& folder, const std::string& prefix, int depth,
               std::vector<TextFile>& files) {
  for (const auto& name : list_files(folder)) {
    if (!prefix.empty() || name != "SOURCE") files.push_back({prefix + name, folder / name});
  }
  for (const auto& below : depth > 0 ? list_folders(folder) : std::vector<std::string>()) {
    list_tree(folder / below, prefix + below + "/", depth - 1, files);
  }
}

PageSource source_of(const std::string& name, std::vector<TextFile> files) {
  std::sort(files.begin(), files.end(),
            [](const TextFile& a, const TextFile& b) { return a.name < b.name; });
  PageSource source{
      .name = name, .files = static_cast<std::int64_t>(files.size()), .file_bytes = 0, .read = {}};
  for (const TextFile& file : files) {
    std::error_code ignored;
    const auto size = fs::file_size(file.path, ignored);
    if (!ignored) source.file_bytes += static_cast<std::int64_t>(size);
  }
  source.read = [files = std::move(files)](const PageVisit& visit) {
    for (const TextFile& file : files) read_pages(file.path, file.name, visit);
  };
  return source;
}

std::string folder_name(const fs::path& folder) {
  const auto whole = fs::absolute(folder).lexically_normal();
  return (whole.has_filename() ? whole.filename() : whole.parent_path().filename()).string();
}

/// "c4" of c4.jsonl.gz.
std::string stem_of(const fs::path& file) {
  const std::string name = file.filename().string();
  return name.substr(0, name.find('.', 1));
}

TextPlace text_files(const std::string& text) {
  TextPlace place{.kind = "text",
                  .folder = {},
                  .sources = {},
                  .if_none = fmt::format("no text in {}; name files with text", text)};
  for (const FileGroup& group : files_of(text)) {
    std::vector<TextFile> files;
    for (const fs::path& file : group.files) files.push_back({file.filename().string(), file});
    place.sources.push_back(source_of(group.name, std::move(files)));
  }
  return place;
}

}  // namespace

TextKind kind_of_text(const std::string& text) {
  std::error_code ignored;
  if (text == "manpages") return TextKind::kText;
  if (fs::is_directory(text, ignored)) {
    if (is_prepared(text)) return TextKind::kPrepared;
    return has_token_files(text) ? TextKind::kTokenFiles : TextKind::kText;
  }
  const auto groups = files_of(text);
  const bool tokens = std::all_of(groups.begin(), groups.end(), [](const FileGroup& group) {
    return std::all_of(group.files.begin(), group.files.end(), is_token_file);
  });
  return tokens ? TextKind::kTokenFiles : TextKind::kText;
}

TextPlace find_text(const TextOptions& options) {
  std::error_code ignored;
  if (options.text == "manpages") return manual_pages(options.manual_pages, options.languages);
  if (fs::is_directory(options.text, ignored)) return text_folder(options.text);
  return text_files(options.text);
}

TextPlace text_folder(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    throw UserError(
        fmt::format("{}: no such folder; name a folder of text files", folder.string()));
  }
  TextPlace place{
      .kind = "text",
      .folder = folder,
      .sources = {},
      .if_none = fmt::format("no text files in {}; put text there, or one folder per source",
                             folder.string())};
  const auto add = [&](const std::string& name, const fs::path& from, int depth) {
    std::vector<TextFile> files;
    list_tree(from, "", depth, files);
    if (!files.empty()) place.sources.push_back(source_of(name, std::move(files)));
  };
  for (const auto& name : list_folders(folder)) add(name, folder / name, kDeepest);
  if (place.sources.empty()) add(folder_name(folder), folder, 0);
  return place;
}

std::vector<FileGroup> files_of(const std::string& text) {
  std::vector<std::string> found = files_matching(text);
  std::error_code ignored;
  std::erase_if(found, [&](const auto& path) { return !fs::is_regular_file(path, ignored); });
  if (found.empty()) {
    throw UserError(
        fmt::format("{}: no such file or folder; name text files, token files, or a "
                    "folder of one kind",
                    text));
  }
  if (found.size() == 1) return {{stem_of(found.front()), {found.front()}}};
  std::map<std::string, std::vector<fs::path>> folders;
  for (const auto& path : found) folders[folder_of(path)].push_back(path);
  std::map<std::string, int> names;
  for (const auto& [folder, files] : folders) ++names[folder_name(folder)];
  std::vector<FileGroup> groups;
  for (auto& [folder, files] : folders) {
    const std::string name = folder_name(folder);
    groups.push_back({names[name] == 1 ? name : folder, std::move(files)});
  }
  return groups;
}

}  // namespace strait
