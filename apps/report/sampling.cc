#include "apps/report/sampling.h"

#include <algorithm>

#include "core/base/check.h"

namespace strait {

std::vector<Point> thinned(std::span<const Point> points, std::size_t most) {
  STRAIT_CHECK(most >= 4, "{} points are no curve", most);
  if (points.size() <= most) return {points.begin(), points.end()};
  const std::size_t inner = points.size() - 2, groups = (most - 2) / 2;
  std::vector<Point> kept{points.front()};
  for (std::size_t g = 0; g < groups; ++g) {
    const auto begin = points.begin() + 1 + static_cast<std::ptrdiff_t>(g * inner / groups);
    const auto end = points.begin() + 1 + static_cast<std::ptrdiff_t>((g + 1) * inner / groups);
    auto [low, high] =
        std::minmax_element(begin, end, [](const Point& a, const Point& b) { return a.y < b.y; });
    if (low > high) std::swap(low, high);
    kept.push_back(*low);
    if (low != high) kept.push_back(*high);
  }
  kept.push_back(points.back());
  return kept;
}

std::vector<double> shares(std::span<const Span> spans, double begin, double end, int bins,
                           int kinds) {
  std::vector<double> result(static_cast<std::size_t>(bins * kinds));
  if (end <= begin) return result;
  const double width = (end - begin) / bins;
  for (const Span& span : spans) {
    const double from = (std::max(span.begin, begin) - begin) / width;
    const double to = (std::min(span.end, end) - begin) / width;
    for (int bin = static_cast<int>(from); bin < bins && bin < to; ++bin) {
      const double part = std::min(to, bin + 1.0) - std::max(from, static_cast<double>(bin));
      result[static_cast<std::size_t>(bin * kinds + span.kind)] += std::max(part, 0.0);
    }
  }
  return result;
}

}  // namespace strait
