// A chart of curves as SVG: axes with round ticks, a legend above, a curve and an end mark per
// series. Colours are CSS variables (page.h), so the same picture serves light and dark pages.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/report/sampling.h"
#include "apps/show/svg.h"

namespace strait {

struct Axis {
  std::string title;
  bool log = false;
  std::function<std::string(double)> tick;  // its text; empty: no tick there
};

struct Series {
  std::string name;  // in the legend
  int color = 0;     // page.h, series_color
  std::vector<Point> points;
  bool level = false;  // has a y only, that of its one point: a dashed line across the chart
};

struct Chart {
  Axis x, y;
  std::vector<Series> series;
};

inline constexpr int kChartWidth = 360;  // nearly a phone's, so that texts keep their size

/// Draws into a box that begins at (left, 0) and is kChartWidth wide; returns its height. Series
/// without points stand in the legend only.
int draw_chart(Svg& svg, const Chart& chart, int left = 0);

/// As an element of a page; `label` is what it shows, for those who cannot see it.
std::string inline_chart(const Chart& chart, std::string_view label);

}  // namespace strait
