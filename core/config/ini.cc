#include "core/config/ini.h"

#include <fmt/format.h>

#include "core/base/errors.h"
#include "core/base/text.h"

namespace strait {
namespace {

struct Place {
  const std::string& file;
  int line;

  template <class... Values>
  [[noreturn]] void refuse(fmt::format_string<Values...> format, Values&&... values) const {
    throw UserError(fmt::format("{} ({}:{})", fmt::format(format, std::forward<Values>(values)...),
                                file, line));
  }
};

bool starts_comment(char c) { return c == '#' || c == ';'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }

[[noreturn]] void refuse_comment(std::string_view comment, const Place& place) {
  place.refuse("'{}' stands behind something else; give a comment a line of its own", comment);
}

/// `text` starts with a quote.
std::string unquote(std::string_view text, const Place& place) {
  const char quote = text.front();
  std::string value;
  std::size_t i = 1;
  for (; i < text.size() && text[i] != quote; ++i) {
    const bool escaped = quote == '"' && text[i] == '\\' && i + 1 < text.size() &&
                         (text[i + 1] == '"' || text[i + 1] == '\\');
    value += text[escaped ? ++i : i];
  }
  if (i == text.size()) place.refuse("{} lacks the closing quote", text);
  const std::string_view rest = trim(text.substr(i + 1));
  if (!rest.empty() && starts_comment(rest.front())) refuse_comment(rest, place);
  if (!rest.empty()) {
    place.refuse("'{}' stands behind the closing quote; put all of the value in quotes", rest);
  }
  return value;
}

std::string read_value(std::string_view text, const Place& place) {
  const std::string_view value = trim(text);
  if (value.empty()) return {};
  if (starts_comment(value.front())) refuse_comment(value, place);
  if (value.front() == '"' || value.front() == '\'') return unquote(value, place);
  return std::string(value);
}

std::string read_section(std::string_view line, const Place& place) {
  const auto end = line.find(']');
  if (end == std::string_view::npos) {
    place.refuse("'{}' lacks its ']'; write [section]", line);
  }
  const std::string_view rest = trim(line.substr(end + 1));
  if (!rest.empty() && starts_comment(rest.front())) refuse_comment(rest, place);
  if (!rest.empty()) {
    place.refuse("'{}' stands behind the section; give it a line of its own", rest);
  }
  const std::string_view name = trim(line.substr(1, end - 1));
  if (name.empty()) place.refuse("[] is no section; write its name in the brackets");
  return std::string(name);
}

IniEntry read_entry(std::string_view line, const Place& place) {
  const auto equals = line.find('=');
  if (equals == std::string_view::npos) {
    place.refuse("'{}' has no '='; write key = value", line);
  }
  const std::string_view key = trim(line.substr(0, equals));
  if (key.empty()) place.refuse("'{}' has no key before the '='; write key = value", line);
  return {.section = {},
          .key = std::string(key),
          .value = read_value(line.substr(equals + 1), place),
          .line = place.line};
}

}  // namespace

IniFile parse_ini(std::string_view text, const std::string& name) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // some editors put it in front
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    text.remove_prefix(kByteOrderMark.size());
  }
  IniFile file;
  std::string section;
  for (int number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const Place place{name, number};
    if (has_control_character(line)) {
      place.refuse("the line has a control character in it; save the file as plain UTF-8 text");
    }
    if (line.empty() || starts_comment(line.front())) continue;
    if (line.front() == '[') {
      section = read_section(line, place);
      file.sections.push_back({section, number});
    } else {
      file.entries.push_back(read_entry(line, place));
      file.entries.back().section = section;
    }
  }
  return file;
}

bool has_comment_behind(std::string_view value) {
  for (std::size_t i = 1; i < value.size(); ++i) {
    if (starts_comment(value[i]) && is_blank(value[i - 1])) return true;
  }
  return false;
}

std::string quote_if_needed(const std::string& value) {
  const bool plain = value.find_first_of("\"'") == std::string::npos &&
                     trim(value).size() == value.size() &&
                     (value.empty() || !starts_comment(value.front()));
  if (plain) return value;
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace strait
