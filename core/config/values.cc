#include "core/config/values.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/base/text.h"

namespace strait {

void refuse_value(std::string_view text, std::string_view problem, const ValueRule& rule) {
  throw BadQuantity(fmt::format("'{}' {}; write e.g. {}", text, problem, rule.example));
}

void parse_value(std::string_view text, const ValueRule&, bool& value) {
  const bool yes = text == "true" || text == "yes" || text == "on" || text == "1";
  const bool no = text == "false" || text == "no" || text == "off" || text == "0";
  if (!yes && !no)
    throw BadQuantity(fmt::format("'{}' is neither true nor false; write true or false", text));
  value = yes;
}

void parse_value(std::string_view text, const ValueRule& rule, double& value) {
  if (rule.format == Format::kFraction) {
    value = parse_fraction(text);
    return;
  }
  double read = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), read);
  if (error == std::errc::result_out_of_range) refuse_value(text, "is out of range", rule);
  const bool whole = error == std::errc{} && stop == text.data() + text.size();
  if (!whole || !std::isfinite(read)) refuse_value(text, "is not a number", rule);
  value = read;
}

void parse_value(std::string_view text, const ValueRule& rule, std::string& value) {
  if (has_control_character(text)) {
    throw BadQuantity("the value has a control character in it; write it in one line");
  }
  std::string read(text);
  const auto& choices = rule.choices;
  const bool known = std::find(choices.begin(), choices.end(), read) != choices.end();
  if (!choices.empty() && !known && !(read.empty() && rule.example.empty())) {
    if (choices.size() == 1) {
      throw BadQuantity(fmt::format("'{}' is not possible; write {}", text, choices.front()));
    }
    throw BadQuantity(fmt::format("'{}' is not {}{}", text, join(choices, ", ", " or "),
                                  did_you_mean(text, choices)));
  }
  value = std::move(read);
}

void parse_value(std::string_view text, const ValueRule& rule, std::vector<std::string>& value) {
  std::vector<std::string> parts = split(text, ',');
  for (std::string& part : parts) {
    if (part.empty()) refuse_value(text, "has an empty name in its list", rule);
    parse_value(std::string(part), rule, part);
  }
  value = std::move(parts);
}

void parse_value(std::string_view text, const ValueRule& rule, std::vector<std::int64_t>& value) {
  std::vector<std::int64_t> numbers;
  for (const std::string& part : split(text, ',')) {
    parse_value(std::string_view(part), rule, numbers.emplace_back());
  }
  value = std::move(numbers);
}

void parse_value(std::string_view text, const ValueRule&, Nanos& value) {
  value = parse_duration(text);
}

void parse_value(std::string_view text, const ValueRule&, BytesPerSecond& value) {
  value = parse_rate(text);
}

std::string print_value(const ValueRule&, bool value) { return value ? "true" : "false"; }

std::string print_value(const ValueRule& rule, double value) {
  if (rule.format != Format::kFraction) return fmt::format("{}", value);
  std::array<char, 400> room;  // fractions are read without an exponent
  const auto end = std::to_chars(room.begin(), room.end(), value, std::chars_format::fixed).ptr;
  return std::string(room.begin(), end);
}

std::string print_value(const ValueRule&, const std::string& value) { return value; }

std::string print_value(const ValueRule&, const std::vector<std::string>& value) {
  return join(value, ",");
}

std::string print_value(const ValueRule&, const std::vector<std::int64_t>& value) {
  return fmt::format("{}", fmt::join(value, ","));
}

std::string print_value(const ValueRule&, Nanos value) { return format_duration(value); }

std::string print_value(const ValueRule&, BytesPerSecond value) { return format_rate(value); }

}  // namespace strait
