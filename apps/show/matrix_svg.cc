#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "apps/show/network_svg.h"
#include "core/base/quantities.h"

namespace strait {
namespace {

constexpr int kMostIslandsWithText = 10;
constexpr int kLineHeight = 16;

/// Rows and columns, and a range for each two of them; none on most diagonals.
struct Matrix {
  std::vector<std::string> titles;
  std::map<std::pair<std::size_t, std::size_t>, PairRange> cells;

  template <class PlaceOf>
  static Matrix of(const NetworkView& view, PlaceOf place_of) {
    Matrix matrix;
    for (IslandId from = 0; from < view.count(); ++from) {
      for (IslandId to = 0; to < view.count(); ++to) {
        if (from == to) continue;
        const PairFigures pair = view.pair(from, to);
        const auto [at, first] = matrix.cells.try_emplace({place_of(from), place_of(to)}, pair);
        if (!first) at->second.add(pair);
      }
    }
    return matrix;
  }

  bool all_alike() const {
    const auto same = [&](const auto& cell) {
      const PairRange &a = cells.begin()->second, &b = cell.second;
      return a.low.rtt == b.low.rtt && a.high.rtt == b.high.rtt && a.low.rate == b.low.rate &&
             a.high.rate == b.high.rate;
    };
    return std::all_of(cells.begin(), cells.end(), same);
  }
};

/// White for the shortest round trip of the picture, orange for the longest; by its logarithm.
class Shades {
 public:
  explicit Shades(const Matrix& matrix) {
    for (const auto& [place, range] : matrix.cells) {
      low_ = std::min(low_, logarithm(range.low.rtt));
      high_ = std::max(high_, logarithm(range.high.rtt));
    }
  }
  std::string of(const PairRange& range) const {
    const double span = high_ - low_;
    const double part = span > 0 ? (logarithm(range.high.rtt) - low_) / span : 0;
    const auto mix = [&](int from, int to) { return from + static_cast<int>(part * (to - from)); };
    return fmt::format("#{:02x}{:02x}{:02x}", mix(0xf7, 0xf6), mix(0xf9, 0xb9), mix(0xfb, 0x7a));
  }

 private:
  static double logarithm(Nanos rtt) { return std::log(static_cast<double>(rtt.count()) + 1e3); }
  double low_ = 1e9, high_ = 0;
};

int draw_with_text(const Matrix& matrix, Svg& svg, int x, int& y) {
  int first = 20, width = 40;
  for (const std::string& title : matrix.titles) {
    first = std::max(first, text_width(title, 11, true) + 12);
  }
  width = std::max(width, first);
  for (const auto& [place, range] : matrix.cells) {
    width = std::max(
        {width, text_width(rtt_text(range), 11, true) + 12, text_width(rate_text(range), 10) + 12});
  }
  const int height = 2 * kLineHeight + 4, count = static_cast<int>(matrix.titles.size());
  const Shades shades(matrix);
  for (int i = 0; i < count; ++i) {
    const std::string& title = matrix.titles[static_cast<std::size_t>(i)];
    svg.text(x + first + i * width + width / 2, y + 12, title, {.bold = true, .anchor = "middle"});
    svg.text(x + first - 6, y + 20 + i * height + height / 2 + 4, title,
             {.bold = true, .anchor = "end"});
  }
  for (const auto& [place, range] : matrix.cells) {
    const int left = x + first + static_cast<int>(place.second) * width;
    const int top = y + 20 + static_cast<int>(place.first) * height;
    svg.rect(left, top, width, height, shades.of(range), "#ffffff");
    svg.text(left + width / 2, top + 15, rtt_text(range), {.bold = true, .anchor = "middle"});
    svg.text(left + width / 2, top + 30, rate_text(range),
             {.size = 10, .anchor = "middle", .fill = "#444"});
  }
  y += 20 + count * height;
  return x + first + count * width;
}

/// One shade per pair, a number at every fourth row and column.
int draw_shades(const Matrix& matrix, Svg& svg, int x, int& y) {
  constexpr int kCell = 12, kFirst = 30;
  const int count = static_cast<int>(matrix.titles.size());
  const Shades shades(matrix);
  for (int i = 0; i < count; i += 4) {
    svg.text(x + kFirst + i * kCell + kCell / 2, y + 12, std::to_string(i),
             {.size = 9, .anchor = "middle"});
    svg.text(x + kFirst - 5, y + 18 + i * kCell + 9, std::to_string(i),
             {.size = 9, .anchor = "end"});
  }
  for (const auto& [place, range] : matrix.cells) {
    svg.rect(x + kFirst + static_cast<int>(place.second) * kCell,
             y + 18 + static_cast<int>(place.first) * kCell, kCell, kCell, shades.of(range),
             "#ffffff");
  }
  y += 18 + count * kCell;
  PairRange whole = matrix.cells.begin()->second;
  for (const auto& [place, range] : matrix.cells) {
    whole.add(range.low);
    whole.add(range.high);
  }
  y += 20;
  svg.rect(x + kFirst, y - 10, kCell, kCell, shades.of(PairRange(whole.low)), "#ccc");
  const std::string low = format_duration(whole.low.rtt), high = format_duration(whole.high.rtt);
  svg.text(x + kFirst + 18, y, low, {});
  const int second = x + kFirst + 18 + text_width(low, 11) + 16;
  svg.rect(second, y - 10, kCell, kCell, shades.of(PairRange(whole.high)), "#ccc");
  svg.text(second + 18, y, high, {});
  return std::max(x + kFirst + count * kCell, second + 18 + text_width(high, 11));
}

}  // namespace

int draw_matrix(const NetworkView& view, Svg& svg, int x, int& y) {
  const bool few = view.count() <= kMostIslandsWithText;
  const bool regions = !few && view.groups().size() > 1;
  Matrix matrix = Matrix::of(view, [&](IslandId island) {
    return regions ? view.group_of(island) : static_cast<std::size_t>(island);
  });
  if (matrix.cells.empty() || (!few && matrix.all_alike())) return x;
  if (regions) {
    for (const auto& group : view.groups()) {
      matrix.titles.push_back(group.name.empty() ? "(no region)" : group.name);
    }
  } else {
    for (IslandId i = 0; i < view.count(); ++i) matrix.titles.push_back(view.label(i));
  }
  const bool text = few || regions;
  const char* const title =
      text ? "round trip and rate, from row to column" : "round trip, from row to column";
  svg.text(x, y, title, {.size = 12, .bold = true});
  y += 14;
  const int right = text ? draw_with_text(matrix, svg, x, y) : draw_shades(matrix, svg, x, y);
  return std::max(right, x + text_width(title, 12, true));
}

}  // namespace strait
