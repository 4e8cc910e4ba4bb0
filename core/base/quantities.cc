#include "core/base/quantities.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

namespace strait {
namespace {

__extension__ using Digits = unsigned __int128;

/// One unit is numerator / denominator of what we count in.
struct Unit {
  std::string_view name;
  std::uint64_t numerator;
  std::uint64_t denominator = 1;
};

struct Kind {
  std::string_view noun;
  std::string_view example;
};

constexpr Kind kDuration{"a duration", "80ms"};
constexpr Kind kRate{"a rate", "20mbit"};
constexpr Kind kBytes{"a number of bytes", "1.5GiB"};
constexpr Kind kFraction{"a fraction from 0 to 1", "0.02 or 2%"};

constexpr Kind kSpeed{"a speed", "0.5x"};

constexpr std::uint64_t kKi = 1024, kMi = kKi * kKi, kGi = kMi * kKi, kTi = kGi * kKi;
constexpr std::uint64_t kK = 1000, kM = kK * kK, kG = kM * kK, kT = kG * kK;

constexpr std::array kDurationUnits{
    Unit{"ns", 1},      Unit{"us", kK},       Unit{"ms", kM},       Unit{"s", kG},
    Unit{"m", 60 * kG}, Unit{"min", 60 * kG}, Unit{"h", 3600 * kG}, Unit{"d", 86'400 * kG}};
constexpr std::array kBitUnits{Unit{"bit", 1, 8}, Unit{"kbit", kK, 8}, Unit{"mbit", kM, 8},
                               Unit{"gbit", kG, 8}, Unit{"tbit", kT, 8}};
constexpr std::array kByteRateUnits{Unit{"B", 1},     Unit{"kB", kK},   Unit{"KB", kK},
                                    Unit{"MB", kM},   Unit{"GB", kG},   Unit{"TB", kT},
                                    Unit{"KiB", kKi}, Unit{"MiB", kMi}, Unit{"GiB", kGi}};
constexpr std::array kByteUnits{Unit{"b", 1},     Unit{"kb", kK},   Unit{"mb", kM},
                                Unit{"gb", kG},   Unit{"tb", kT},   Unit{"kib", kKi},
                                Unit{"mib", kMi}, Unit{"gib", kGi}, Unit{"tib", kTi}};
constexpr std::array kSpeedUnits{Unit{"x", kM}};
constexpr std::array kFractionUnits{Unit{"", 1}, Unit{"%", 1, 100}};

[[noreturn]] void refuse(std::string_view text, std::string_view problem, const Kind& kind) {
  throw BadQuantity(fmt::format("'{}' {}; write e.g. {}", text, problem, kind.example));
}

[[noreturn]] void refuse_as(std::string_view text, const Kind& kind) {
  refuse(text, fmt::format("is not {}", kind.noun), kind);
}

constexpr std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

/// digits / 10^decimals.
struct Decimal {
  Digits digits = 0;
  int decimals = 0;
  std::string_view unit;
};

constexpr Digits power_of_ten(int exponent) {
  Digits power = 1;
  while (exponent-- > 0) power *= 10;
  return power;
}

Decimal parse_decimal(std::string_view text, const Kind& kind) {
  // digits * numerator * 2 has to fit into 128 bits: 10^22 * 86,400 * 10^9 * 2 is below 2^118.
  constexpr int kMaxDigits = 22;
  const std::string_view whole = trimmed(text);
  if (whole.empty()) refuse(text, "is empty", kind);
  if (whole.front() == '-') refuse(text, "is negative", kind);
  Decimal number;
  int seen = 0;
  bool point = false;
  std::size_t at = 0;
  for (; at < whole.size(); ++at) {
    const char c = whole[at];
    if (c == '.' && !point) {
      point = true;
    } else if (c >= '0' && c <= '9') {
      number.digits = number.digits * 10 + static_cast<unsigned>(c - '0');
      if (point) ++number.decimals;
      if (number.digits > 0 || point) ++seen;
      if (seen > kMaxDigits) refuse(text, "has too many digits", kind);
    } else {
      break;
    }
  }
  const bool has_digit = at > (point ? 1u : 0u);
  if (!has_digit) refuse_as(text, kind);
  number.unit = trimmed(whole.substr(at));
  return number;
}

std::optional<Unit> find(std::span<const Unit> units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return unit;
  }
  return std::nullopt;
}

std::int64_t to_integer(const Decimal& number, const Unit& unit, std::string_view text,
                        const Kind& kind) {
  const Digits divisor = power_of_ten(number.decimals) * unit.denominator;
  const Digits value = (number.digits * unit.numerator * 2 + divisor) / (divisor * 2);
  constexpr Digits kLimit = std::numeric_limits<std::int64_t>::max();
  if (value >= kLimit) refuse(text, "is too large", kind);
  return static_cast<std::int64_t>(value);
}

std::int64_t parse(std::string_view text, std::span<const Unit> units, const Kind& kind,
                   bool any_case) {
  const Decimal number = parse_decimal(text, kind);
  if (number.unit.empty()) {
    if (number.digits == 0) return 0;
    refuse(text, "has no unit", kind);
  }
  const auto unit = find(units, any_case ? lower(number.unit) : std::string(number.unit));
  if (!unit) refuse_as(text, kind);
  return to_integer(number, *unit, text, kind);
}

/// "1.25" for 1250 per 1000; every decimal that there is.
std::string exact(std::uint64_t value, std::uint64_t unit) {
  std::string text = fmt::format("{}", value / unit);
  std::uint64_t rest = value % unit;
  if (rest > 0) text += '.';
  while (rest > 0) {
    const Digits tenfold = static_cast<Digits>(rest) * 10;
    text += static_cast<char>('0' + static_cast<int>(tenfold / unit));
    rest = static_cast<std::uint64_t>(tenfold % unit);
  }
  return text;
}

/// In the largest of the ascending `units` that is not larger than the value.
std::string in_largest(std::uint64_t value, std::span<const Unit> units) {
  Unit best = units.front();
  for (const Unit& unit : units) {
    if (unit.numerator <= value) best = unit;
  }
  return exact(value, best.numerator) + std::string(best.name);
}

}  // namespace

Nanos parse_duration(std::string_view text) {
  return Nanos{parse(text, kDurationUnits, kDuration, /*any_case=*/false)};
}

BytesPerSecond parse_rate(std::string_view text) {
  if (lower(trimmed(text)) == "inf") return kUnlimited;
  const Decimal number = parse_decimal(text, kRate);
  if (number.unit.empty() && number.digits > 0) refuse(text, "has no unit", kRate);
  if (number.unit.empty()) return BytesPerSecond{0};
  std::string_view unit = number.unit;
  const bool per_second = unit.size() > 2 && unit.substr(unit.size() - 2) == "/s";
  if (per_second) unit.remove_suffix(2);
  auto found = find(kBitUnits, lower(unit));
  if (!found && per_second) found = find(kByteRateUnits, unit);
  if (!found) refuse_as(text, kRate);
  return BytesPerSecond{to_integer(number, *found, text, kRate)};
}

Bytes parse_bytes(std::string_view text) {
  return parse(text, kByteUnits, kBytes, /*any_case=*/true);
}

double parse_fraction(std::string_view text) {
  const Decimal number = parse_decimal(text, kFraction);
  const auto unit = find(kFractionUnits, number.unit);
  if (!unit) refuse_as(text, kFraction);
  const Digits divisor = power_of_ten(number.decimals) * unit->denominator;
  if (number.digits > divisor) refuse_as(text, kFraction);
  // One rounding for as many digits as a double holds, since both sides are then exact.
  return static_cast<double>(number.digits) / static_cast<double>(divisor);
}

std::int64_t parse_speed(std::string_view text) {
  const std::int64_t ppm = parse(text, kSpeedUnits, kSpeed, /*any_case=*/true);
  if (ppm < 1'000) refuse(text, "is below 0.001x", kSpeed);
  if (ppm > 1'000'000'000) refuse(text, "is above 1000x", kSpeed);
  return ppm;
}

std::string format_duration(Nanos duration) {
  if (duration == kNever) return "never";
  constexpr std::array kUnits{Unit{"ns", 1}, Unit{"us", kK}, Unit{"ms", kM}, Unit{"s", kG}};
  if (duration.count() == 0) return "0s";
  const auto count = static_cast<std::uint64_t>(duration.count());
  return duration.count() < 0 ? fmt::format("-{}", in_largest(0 - count, kUnits))
                              : in_largest(count, kUnits);
}

std::string format_rate(BytesPerSecond rate) {
  if (rate == kUnlimited) return "inf";
  constexpr std::array kUnits{Unit{"bit", 1}, Unit{"kbit", kK}, Unit{"mbit", kM}, Unit{"gbit", kG},
                              Unit{"tbit", kT}};
  // Above 2^60 bytes/s the bits would not fit; such a rate is not met outside tests.
  const auto value = static_cast<std::uint64_t>(rate.value < 0 ? -rate.value : rate.value);
  const std::string text = value > (std::uint64_t{1} << 60) ? fmt::format("{}B/s", value)
                                                            : in_largest(value * 8, kUnits);
  return rate.value < 0 ? fmt::format("-{}", text) : text;
}

std::string format_bytes(Bytes bytes) {
  constexpr std::array kBinary{Unit{"B", 1}, Unit{"KiB", kKi}, Unit{"MiB", kMi}, Unit{"GiB", kGi},
                               Unit{"TiB", kTi}};
  constexpr std::array kDecimal{Unit{"B", 1}, Unit{"kB", kK}, Unit{"MB", kM}, Unit{"GB", kG},
                                Unit{"TB", kT}};
  const auto value = static_cast<std::uint64_t>(bytes);
  if (bytes < 0) return fmt::format("{}B", bytes);
  const std::array texts{fmt::format("{}B", value), in_largest(value, kDecimal),
                         in_largest(value, kBinary)};
  return *std::min_element(texts.begin(), texts.end(),
                           [](const auto& a, const auto& b) { return a.size() < b.size(); });
}

std::string format_speed(std::int64_t ppm) {
  return exact(static_cast<std::uint64_t>(ppm), kM) + "x";
}

}  // namespace strait
