#include "core/train/data/text_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/errors.h"
#include "core/train/data/byte_reader.h"
#include "core/train/data/json_lines.h"
#include "core/train/data/utf8.h"

namespace strait {
namespace {

namespace fs = std::filesystem;

// No page of a training set is this large; a broken or hostile gzip might be.
constexpr std::size_t kLargestFile = std::size_t{1} << 30;
constexpr std::size_t kLargestPage = std::size_t{16} << 20;

std::vector<std::string> list(const fs::path& folder, fs::file_type type) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->symlink_status(ignored).type() != type) continue;
    auto name = it->path().filename().string();
    if (!name.starts_with('.')) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

void normalise_newlines(std::string& text) {
  if (text.find('\r') == std::string::npos) return;
  std::size_t to = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool pair = text[at] == '\r' && at + 1 < text.size() && text[at + 1] == '\n';
    if (!pair) text[to++] = text[at] == '\r' ? '\n' : text[at];
  }
  text.resize(to);
}

/// Where a page of `text`, which goes on, ends: after its last line, or else its last character.
std::size_t page_end(std::string_view text) {
  const std::size_t line = text.rfind('\n');
  if (line != std::string_view::npos) return line + 1;
  std::size_t end = text.size();
  for (std::size_t back = 1; back <= 3; ++back) {
    if ((static_cast<unsigned char>(text[text.size() - back]) & 0xc0) == 0xc0) {
      end = text.size() - back;
      break;
    }
  }
  return end;
}

void read_plain_pages(const fs::path& file, const std::string& name, const PageVisit& visit) {
  ByteReader reader(file);
  std::string text;
  std::int64_t taken = 0;
  for (int n = 0;; ++n) {
    const std::size_t held = text.size();
    // A byte more than fits, so that a file of just that size is one page.
    text.resize(kLargestPage + 1);
    text.resize(held + reader.read(std::span(text).subspan(held)));
    const bool goes_on = text.size() > kLargestPage;
    const std::size_t end = goes_on ? page_end(text) : text.size();
    Page page{.name = n == 0 ? name : fmt::format("{}#{}", name, n),
              .text = text.substr(0, end),
              .file_bytes = reader.file_bytes() - taken};
    taken = reader.file_bytes();
    if (page.text.find('\0') != std::string::npos) return;
    normalise_newlines(page.text);
    visit(page);
    if (!goes_on) return;
    text.erase(0, end);
  }
}

}  // namespace

std::string read_text_file(const fs::path& file) {
  ByteReader reader(file);
  std::string text;
  while (true) {
    const std::size_t held = text.size();
    text.resize(std::max<std::size_t>(64 * 1024, held * 2));
    const std::size_t wanted = text.size() - held;
    const std::size_t n = reader.read(std::span(text).subspan(held));
    text.resize(held + n);
    if (n < wanted) return text;
    if (text.size() > kLargestFile) {
      throw UserError(fmt::format("{}: larger than 1 GiB; split it", file.string()));
    }
  }
}

std::vector<std::string> list_files(const fs::path& folder) {
  return list(folder, fs::file_type::regular);
}

std::vector<std::string> list_folders(const fs::path& folder) {
  return list(folder, fs::file_type::directory);
}

bool is_json_lines(const std::string& file_name) {
  for (const char* end : {".jsonl", ".jsonl.gz", ".jsonl.zst", ".ndjson", ".ndjson.gz",
                          ".ndjson.zst", ".json.gz", ".json.zst"}) {
    if (file_name.ends_with(end)) return true;
  }
  return false;
}

void read_pages(const fs::path& file, const std::string& name, const PageVisit& visit) {
  is_json_lines(name) ? read_json_lines(file, name, visit) : read_plain_pages(file, name, visit);
}

}  // namespace strait
