#include "apps/output/human.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <span>
#include <string_view>

namespace strait {
namespace {

/// Three digits that count: 1.23, 12.3, 123.
std::string three_digits(double value) {
  // At 9.995 "{:.2f}" would print 10.00: ask what it rounds to, not what it is.
  const double size = std::abs(value);
  if (size < 9.995) return fmt::format("{:.2f}", value);
  if (size < 99.95) return fmt::format("{:.1f}", value);
  return fmt::format("{:.0f}", value);
}

std::string scaled(double value, std::span<const std::string_view> units) {
  std::size_t unit = 0;
  for (; unit + 1 < units.size() && std::abs(value) >= 999.5; ++unit) value /= 1000;
  return fmt::format("{} {}", three_digits(value), units[unit]);
}

}  // namespace

std::string human_bytes(Bytes bytes) {
  if (bytes > -1000 && bytes < 1000) return fmt::format("{} B", bytes);
  constexpr std::array<std::string_view, 6> kUnits{"B", "kB", "MB", "GB", "TB", "PB"};
  return scaled(static_cast<double>(bytes), kUnits);
}

std::string human_time(Nanos time) {
  if (time == Nanos{0}) return "0 s";
  if (time < Nanos{0}) return fmt::format("-{}", human_time(-time));
  if (time < std::chrono::milliseconds{99'950}) {
    constexpr std::array<std::string_view, 4> kUnits{"ns", "us", "ms", "s"};
    return scaled(static_cast<double>(time.count()), kUnits);
  }
  const auto whole = std::chrono::round<std::chrono::seconds>(time).count();
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  const auto minutes = (whole + 30) / 60;
  if (minutes < 24 * 60) return fmt::format("{} h {:02} min", minutes / 60, minutes % 60);
  const auto hours = (minutes + 30) / 60;
  return fmt::format("{} d {:02} h", hours / 24, hours % 24);
}

std::string human_rate(BytesPerSecond rate) {
  if (rate == kUnlimited) return "inf";
  if (rate.value < 125) return fmt::format("{} bit/s", 8 * rate.value);
  constexpr std::array<std::string_view, 5> kUnits{"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"};
  return scaled(8 * static_cast<double>(rate.value), kUnits);
}

std::string human_count(std::int64_t count) {
  const std::string digits = fmt::format("{}", count);
  const std::size_t sign = count < 0 ? 1 : 0;
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > sign && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

}  // namespace strait
