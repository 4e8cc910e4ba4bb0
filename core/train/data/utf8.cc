#include "core/train/data/utf8.h"

namespace strait {

Utf8Character utf8_at(std::string_view text, std::size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  if (first < 0x80) return {first, 1};
  const int tail = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
  if (first < 0xc2 || first > 0xf4 || text.size() - at <= static_cast<std::size_t>(tail)) return {};
  std::uint32_t code = first & (0x3fu >> tail);
  for (int k = 1; k <= tail; ++k) {
    const auto next = static_cast<unsigned char>(text[at + static_cast<std::size_t>(k)]);
    if ((next & 0xc0) != 0x80) return {};
    code = code << 6 | (next & 0x3fu);
  }
  const bool overlong = (tail == 2 && code < 0x800) || (tail == 3 && code < 0x10000);
  if (overlong || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return {};
  return {code, tail + 1};
}

std::int64_t bad_utf8_bytes(std::string_view text) {
  std::int64_t bad = 0;
  for (std::size_t at = 0; at < text.size();) {
    const int bytes = static_cast<unsigned char>(text[at]) < 0x80 ? 1 : utf8_at(text, at).bytes;
    bad += bytes == 0;
    at += bytes == 0 ? 1 : static_cast<std::size_t>(bytes);
  }
  return bad;
}

bool is_utf8(std::string_view text) { return bad_utf8_bytes(text) == 0; }

void append_utf8(std::uint32_t code, std::string& text) {
  const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

std::string utf8_of_latin1(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() + bytes.size() / 8);
  for (const char c : bytes) append_utf8(static_cast<unsigned char>(c), text);
  return text;
}

}  // namespace strait
