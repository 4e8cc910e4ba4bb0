// How a setting of each type is read from text and printed, so that reading what was printed gives
// the same value. Errors are BadQuantity: they quote the text, say what is wrong and show a right
// one. Pure functions; any thread.
#pragma once

#include <fmt/format.h>

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/base/quantities.h"
#include "core/base/units.h"

namespace strait {

/// What the C++ type does not say: an int64 may be a count or bytes, a double a number or a
/// fraction.
enum class Format { kPlain, kBytes, kFraction };

struct ValueRule {
  Format format = Format::kPlain;
  std::string example;               // the default, for the error; a key may be empty if this is
  std::vector<std::string> choices;  // of a name; none = any text
};

[[noreturn]] void refuse_value(std::string_view text, std::string_view problem,
                               const ValueRule& rule);

void parse_value(std::string_view text, const ValueRule& rule, bool& value);
void parse_value(std::string_view text, const ValueRule& rule, double& value);
void parse_value(std::string_view text, const ValueRule& rule, std::string& value);
void parse_value(std::string_view text, const ValueRule& rule, std::vector<std::string>& value);
void parse_value(std::string_view text, const ValueRule& rule, std::vector<std::int64_t>& value);
void parse_value(std::string_view text, const ValueRule& rule, Nanos& value);
void parse_value(std::string_view text, const ValueRule& rule, BytesPerSecond& value);

template <std::integral T>
requires(!std::same_as<T, bool>) void parse_value(std::string_view text, const ValueRule& rule,
                                                  T& value) {
  if (rule.format == Format::kBytes) {
    value = static_cast<T>(parse_bytes(text));
    return;
  }
  T read{};
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), read);
  if (error == std::errc::result_out_of_range) refuse_value(text, "is too large", rule);
  if (error != std::errc{} || stop != text.data() + text.size()) {
    refuse_value(text, "is not a whole number", rule);
  }
  value = read;
}

std::string print_value(const ValueRule& rule, bool value);
std::string print_value(const ValueRule& rule, double value);
std::string print_value(const ValueRule& rule, const std::string& value);
std::string print_value(const ValueRule& rule, const std::vector<std::string>& value);
std::string print_value(const ValueRule& rule, const std::vector<std::int64_t>& value);
std::string print_value(const ValueRule& rule, Nanos value);
std::string print_value(const ValueRule& rule, BytesPerSecond value);

template <std::integral T>
requires(!std::same_as<T, bool>) std::string print_value(const ValueRule& rule, T value) {
  return rule.format == Format::kBytes ? format_bytes(static_cast<Bytes>(value))
                                       : fmt::format("{}", value);
}

}  // namespace strait
