#include "core/train/data/json_lines.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/base/errors.h"
#include "core/base/text.h"
#include "core/train/data/byte_reader.h"
#include "core/train/data/utf8.h"

namespace strait {
namespace {

// The JSON library takes no broken UTF-8. A byte of it passes as a character of the last private
// plane, which no text has (a line that does is refused).
constexpr std::uint32_t kShield = 0x10fe00;            // + the byte
constexpr std::string_view kShieldBegin = "\xf4\x8f";  // and some more

std::string shielded(std::string_view line) {
  std::string text;
  for (std::size_t at = 0; at < line.size();) {
    const auto bytes = static_cast<std::size_t>(utf8_at(line, at).bytes);
    if (bytes == 0) {
      append_utf8(kShield + static_cast<unsigned char>(line[at]), text);
    } else {
      text += line.substr(at, bytes);
    }
    at += std::max<std::size_t>(1, bytes);
  }
  return text;
}

std::string unshielded(std::string_view text) {
  std::string bytes;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Character c = utf8_at(text, at);
    if (c.code >= kShield && c.code < kShield + 256) {
      bytes += static_cast<char>(c.code - kShield);
    } else {
      bytes += text.substr(at, static_cast<std::size_t>(c.bytes));
    }
    at += static_cast<std::size_t>(c.bytes);
  }
  return bytes;
}

/// The object's `text`; empty if the line is no object with one, with the reason in `problem`.
std::string text_of_line(std::string_view line, const char*& problem) {
  const bool broken = !is_utf8(line);
  if (broken && line.find(kShieldBegin) != std::string_view::npos) {
    problem = "broken UTF-8";
    return {};
  }
  const auto json = broken ? nlohmann::json::parse(shielded(line), nullptr, /*exceptions=*/false)
                           : nlohmann::json::parse(line, nullptr, /*exceptions=*/false);
  if (json.is_discarded() || !json.is_object()) {
    problem = "not a JSON object";
    return {};
  }
  const auto text = json.find("text");
  if (text == json.end() || !text->is_string()) {
    problem = "no \"text\" with a string";
    return {};
  }
  const auto& value = text->get_ref<const std::string&>();
  return broken ? unshielded(value) : value;
}

}  // namespace

void read_json_lines(const std::filesystem::path& file, const std::string& name,
                     const PageVisit& visit) {
  LineReader lines(file);
  std::int64_t taken = 0;
  for (std::string_view line; lines.next(line);) {
    if (trim(line).empty()) continue;
    const char* problem = nullptr;
    Page page{.name = fmt::format("{}:{}", name, lines.number()),
              .text = text_of_line(line, problem),
              .file_bytes = lines.file_bytes() - taken};
    if (problem != nullptr) {
      throw UserError(
          fmt::format("{}:{}: {}; write one object per line, e.g. {{\"text\": \"...\"}}",
                      file.string(), lines.number(), problem));
    }
    taken = lines.file_bytes();
    visit(page);
  }
}

}  // namespace strait
