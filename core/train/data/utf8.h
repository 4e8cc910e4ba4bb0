// UTF-8 that may be broken: what is no character is a byte. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace strait {

struct Utf8Character {
  std::uint32_t code = 0;
  int bytes = 0;  // 1 to 4; 0: no character begins here
};

/// What begins at `at`, which is inside `text`.
Utf8Character utf8_at(std::string_view text, std::size_t at);

bool is_utf8(std::string_view text);

/// Bytes that belong to no character.
std::int64_t bad_utf8_bytes(std::string_view text);

void append_utf8(std::uint32_t code, std::string& text);

std::string utf8_of_latin1(std::string_view bytes);

}  // namespace strait
