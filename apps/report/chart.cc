#include "apps/report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "apps/report/page.h"
#include "apps/report/scale.h"

namespace strait {
namespace {

constexpr int kFont = 12, kLegendLine = 18;
constexpr int kLeft = 46, kRight = 14;         // beside the plot
constexpr int kPlotHeight = 220, kBelow = 40;  // the plot, and the ticks and title below it
constexpr std::size_t kMostPoints = 600;       // of a curve: more than it has pixels

/// Of all series; what a logarithmic axis cannot show does not count.
Range range_of(const Chart& chart, bool log, double Point::*member) {
  Range range{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (const Series& series : chart.series) {
    if (series.level && member == &Point::x) continue;
    for (const Point& point : series.points) {
      if (log && point.*member <= 0) continue;
      range.low = std::min(range.low, point.*member);
      range.high = std::max(range.high, point.*member);
    }
  }
  return range.low <= range.high ? range : Range{log ? 1.0 : 0.0, log ? 10.0 : 1.0};
}

/// Some room above and below the curves.
Range with_room(Range range, bool log) {
  if (log) return {range.low / 1.15, range.high * 1.15};
  const double room = (range.high - range.low) * 0.06;
  return {range.low - room, range.high + room};
}

/// A mark for each colour, so that colours are not all there is.
std::string mark(int shape, double x, double y) {
  switch (shape % 4) {
    case 0: return fmt::format("M{:.1f} {:.1f}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z", x - 4, y);
    case 1: return fmt::format("M{:.1f} {:.1f}h7v7h-7Z", x - 3.5, y - 3.5);
    case 2: return fmt::format("M{:.1f} {:.1f}l4.5 8h-9Z", x, y - 5);
    default: return fmt::format("M{:.1f} {:.1f}l4.8 4.8l-4.8 4.8l-4.8 -4.8Z", x, y - 4.8);
  }
}

class Drawing {
 public:
  Drawing(Svg& svg, const Chart& chart, int left)
      : svg_(svg),
        chart_(chart),
        left_(left + kLeft),
        right_(left + kChartWidth - kRight),
        top_(static_cast<int>(chart.series.size()) * kLegendLine + 26),
        bottom_(top_ + kPlotHeight),
        x_(range_of(chart, chart.x.log, &Point::x), left_ + 2, right_ - 8, chart.x.log),
        y_(with_room(range_of(chart, chart.y.log, &Point::y), chart.y.log), bottom_, top_,
           chart.y.log) {}

  int draw() {
    axes();
    for (std::size_t i = 0; i < chart_.series.size(); ++i) {
      legend(chart_.series[i], static_cast<int>(i));
    }
    for (const Series& series : chart_.series) {
      if (!series.points.empty()) curve(series);
    }
    return bottom_ + kBelow;
  }

 private:
  void axes() {
    for (const double tick : y_.ticks(5)) {
      const std::string words = chart_.y.tick(tick);
      if (words.empty()) continue;
      const int y = static_cast<int>(std::lround(y_.at(tick)));
      svg_.line(left_, y, right_, y, "var(--grid)", 1);
      svg_.text(left_ - 6, y + 4, words, {.size = kFont, .anchor = "end", .fill = "var(--faint)"});
    }
    int free_from = left_ - 20;  // for the next tick's text
    for (const double tick : x_.ticks(5)) {
      const int x = static_cast<int>(std::lround(x_.at(tick)));
      const std::string text = chart_.x.tick(tick);
      const int half = text_width(text, kFont) / 2;
      svg_.line(x, bottom_, x, bottom_ + 4, "var(--faint)", 1);
      if (x - half < free_from || x + half > right_ + kRight) continue;
      free_from = x + half + 14;
      svg_.text(x, bottom_ + 17, text, {.size = kFont, .anchor = "middle", .fill = "var(--faint)"});
    }
    svg_.line(left_, bottom_, right_, bottom_, "var(--faint)", 1);
    svg_.text((left_ + right_) / 2, bottom_ + 34, chart_.x.title,
              {.size = kFont, .anchor = "middle", .fill = "var(--faint)"});
    svg_.text(left_ - kLeft + 4, top_ - 10, chart_.y.title,
              {.size = kFont, .fill = "var(--faint)"});
  }

  void legend(const Series& series, int n) {
    const int y = n * kLegendLine + 10, x = left_ - kLeft + 4;
    const std::string color = series_color(series.color);
    svg_.path(fmt::format("M{} {}h22", x, y), "none", color, 2, dashes(series));
    svg_.path(mark(series.color, x + 11, y), color, "var(--card)", 1);
    svg_.text(x + 30, y + 4, series.name, {.size = kFont, .fill = "var(--ink)"});
  }

  static std::string_view dashes(const Series& series) {
    if (series.level) return " stroke-dasharray=\"2 4\"";
    return series.color >= kSeriesColors ? " stroke-dasharray=\"7 3\"" : "";
  }

  void curve(const Series& series) {
    const std::string color = series_color(series.color);
    if (series.level) {
      const double y = y_.at(series.points.back().y);
      svg_.path(fmt::format("M{} {:.1f}H{}", left_, y, right_), "none", color, 1.5, dashes(series));
      return;
    }
    std::vector<Point> places;
    for (const Point& point : series.points) {
      const bool shown = (!chart_.x.log || point.x > 0) && (!chart_.y.log || point.y > 0);
      if (shown) places.push_back({x_.at(point.x), y_.at(point.y)});
    }
    if (places.empty()) return;
    std::string d;
    for (const Point& place : thinned(places, kMostPoints)) {
      d += fmt::format("{}{:.1f} {:.1f}", d.empty() ? 'M' : 'L', place.x, place.y);
    }
    svg_.path(d, "none", color, 2, fmt::format(" stroke-linejoin=\"round\"{}", dashes(series)));
    svg_.path(mark(series.color, places.back().x, places.back().y), color, "var(--card)", 1);
  }

  Svg& svg_;
  const Chart& chart_;
  const int left_, right_, top_, bottom_;
  const Scale x_, y_;
};

}  // namespace

int draw_chart(Svg& svg, const Chart& chart, int left) { return Drawing(svg, chart, left).draw(); }

std::string inline_chart(const Chart& chart, std::string_view label) {
  Svg svg;
  const int height = draw_chart(svg, chart);
  // No xmlns: HTML knows what an svg is, and the page names no address at all.
  return fmt::format(
      "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\" font-family=\"inherit\">\n{}"
      "</svg>\n",
      kChartWidth, height, xml_escaped(label), svg.shapes());
}

}  // namespace strait
