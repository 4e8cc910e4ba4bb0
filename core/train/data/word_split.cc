#include "core/train/data/word_split.h"

#include <utf8proc.h>

#include <array>

#include "core/train/data/utf8.h"

namespace strait {
namespace {

enum class Class : std::uint8_t { kOther, kLetter, kNumber, kBlank };

Class class_of(std::uint32_t code) {
  if ((code >= 9 && code <= 13) || code == 0x85) return Class::kBlank;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(code))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: return Class::kLetter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return Class::kNumber;
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return Class::kBlank;
    default: return Class::kOther;
  }
}

std::array<Class, 128> ascii_classes() {
  std::array<Class, 128> classes{};
  for (std::uint32_t code = 0; code < 128; ++code) classes[code] = class_of(code);
  return classes;
}

struct Symbol {
  Class kind;
  std::size_t bytes;
};

Symbol symbol_at(std::string_view text, std::size_t at) {
  static const std::array<Class, 128> ascii = ascii_classes();
  const auto first = static_cast<unsigned char>(text[at]);
  if (first < 128) return {ascii[first], 1};
  const Utf8Character character = utf8_at(text, at);
  if (character.bytes == 0) return {Class::kOther, 1};
  return {class_of(character.code), static_cast<std::size_t>(character.bytes)};
}

/// The end of the run of symbols of one kind from `at` on; `last` is where its last one begins.
std::size_t run_end(std::string_view text, std::size_t at, Class kind, std::size_t& last) {
  while (at < text.size()) {
    const Symbol symbol = symbol_at(text, at);
    if (symbol.kind != kind) break;
    last = at;
    at += symbol.bytes;
  }
  return at;
}

/// Of 's and the like; 0 if there is none.
std::size_t contraction(std::string_view text) {
  for (const std::string_view end : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}) {
    if (text.starts_with(end)) return end.size();
  }
  return 0;
}

}  // namespace

std::size_t word_end(std::string_view text, std::size_t begin) {
  if (text[begin] == '\'') {
    if (const std::size_t bytes = contraction(text.substr(begin, 3)); bytes > 0) {
      return begin + bytes;
    }
  }
  std::size_t last = begin;
  const Class first = symbol_at(text, begin).kind;
  if (first != Class::kBlank) return run_end(text, begin, first, last);
  if (text[begin] == ' ' && begin + 1 < text.size()) {
    const Class next = symbol_at(text, begin + 1).kind;
    if (next != Class::kBlank) return run_end(text, begin + 1, next, last);
  }
  const std::size_t end = run_end(text, begin, Class::kBlank, last);
  return end < text.size() && last > begin ? last : end;
}

}  // namespace strait
