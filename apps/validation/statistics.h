// What validation says of several values. They are not empty.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

namespace strait {

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

/// The value below which a part of the values lies, the nearest rank.
inline double quantile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  const double rank = part * static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(std::lround(rank))];
}

}  // namespace strait
