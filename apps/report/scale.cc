#include "apps/report/scale.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/base/check.h"

namespace strait {
namespace {

std::vector<double> linear_ticks(Range range, int count) {
  const double span = range.high - range.low;
  const double power = std::pow(10.0, std::floor(std::log10(span / count)));
  double step = 10 * power;
  for (const double m : {1.0, 2.0, 5.0}) {
    if (m * power >= span / count * 0.999) {
      step = m * power;
      break;
    }
  }
  std::vector<double> ticks;
  const double last = std::floor(range.high / step + 1e-9);
  for (double i = std::ceil(range.low / step - 1e-9); i <= last; ++i)
    ticks.push_back(i * step + 0.0);  // never -0
  return ticks;
}

std::vector<double> log_ticks(Range range, int count) {
  const double low = std::floor(std::log10(range.low)), high = std::ceil(std::log10(range.high));
  const double decades = std::log10(range.high / range.low);
  const double stride = std::max(1.0, std::ceil(decades / count));
  std::vector<double> ticks;
  for (double decade = low; decade <= high; decade += stride) {
    for (const double m : {1.0, 2.0, 5.0}) {
      if (m > 1 && decades > count / 2.0) continue;  // decades are enough
      const double tick = m * std::pow(10.0, decade);
      if (tick >= range.low * 0.999999 && tick <= range.high * 1.000001) ticks.push_back(tick);
    }
  }
  return ticks;
}

}  // namespace

Scale::Scale(Range range, double begin, double end, bool log)
    : range_(range), begin_(begin), end_(end), log_(log) {
  STRAIT_CHECK(!log || range.low > 0, "a logarithmic scale from {}", range.low);
  if (range_.high > range_.low) return;
  const double half = range_.low == 0 ? 1 : std::abs(range_.low) / 2;
  range_ =
      log ? Range{range_.low / 2, range_.low * 2} : Range{range_.low - half, range_.low + half};
}

double Scale::at(double value) const {
  const double part = log_ ? std::log(value / range_.low) / std::log(range_.high / range_.low)
                           : (value - range_.low) / (range_.high - range_.low);
  return begin_ + part * (end_ - begin_);
}

std::vector<double> Scale::ticks(int count) const {
  if (!log_) return linear_ticks(range_, count);
  const std::vector<double> ticks = log_ticks(range_, count);
  // Within a small part of a decade a logarithmic axis is nearly a linear one.
  return ticks.size() >= 2 ? ticks : linear_ticks(range_, count);
}

std::string short_number(double value) {
  constexpr std::array kUnits{"", "k", "M", "G", "T", "P"};
  std::size_t unit = 0;
  for (; unit + 1 < kUnits.size() && std::abs(value) >= 999.5; ++unit) value /= 1000;
  return fmt::format("{:.3g}{}", value, kUnits[unit]);
}

}  // namespace strait
