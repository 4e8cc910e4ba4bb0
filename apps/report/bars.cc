#include "apps/report/bars.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/show/svg.h"

namespace strait {
namespace {

constexpr int kWide = 1000;
constexpr int kHigh = 20;  // of a strip: shares are shown in twentieths

std::string stretched(int width, int height, std::string_view style, std::string_view shapes) {
  return fmt::format(
      "<svg{} viewBox=\"0 0 {} {}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{}</svg>",
      style, width, height, shapes);
}

std::string box(double x, double width, std::string_view color) {
  return fmt::format("<path fill=\"{}\" d=\"M{:.1f} 0h{:.1f}v10h-{:.1f}Z\"/>", color, x, width,
                     width);
}

/// The area below `heights`, a step per bin, down to `floors`: one path, upper edge to the right
/// and lower edge back.
std::string area(const std::vector<int>& heights, const std::vector<int>& floors) {
  std::string d;
  const int bins = static_cast<int>(heights.size());
  const auto differ = [&](int bin) {
    const auto i = static_cast<std::size_t>(bin);
    return heights[i] != floors[i];
  };
  for (int begin = 0; begin < bins; ++begin) {
    if (!differ(begin)) continue;
    int end = begin;
    while (end < bins && differ(end)) ++end;
    // Runs of equal height are one step.
    const auto edge = [&](const std::vector<int>& of, int from, int to, int step) {
      for (int at = from; at != to; at += step) {
        const int y = kHigh - of[static_cast<std::size_t>(at)];
        int next = at + step;
        while (next != to && of[static_cast<std::size_t>(next)] == kHigh - y) next += step;
        d += fmt::format("V{}H{}", y, step > 0 ? next : next + 1);
        at = next - step;
      }
    };
    d += fmt::format("M{} {}", begin, kHigh - floors[static_cast<std::size_t>(begin)]);
    edge(heights, begin, end, 1);
    edge(floors, end - 1, begin - 1, -1);
    d += 'Z';
    begin = end;
  }
  return d;
}

}  // namespace

std::string bar(const std::vector<Part>& parts) {
  std::string shapes = box(0, kWide, "var(--grid)");
  double x = 0;
  for (const Part& part : parts) {
    const double width = part.size * kWide;
    if (width < 0.05) continue;
    shapes += box(x, width, part.color);
    x += width;
  }
  return stretched(kWide, 10, "", shapes);
}

std::string strip(std::span<const Span> spans, double begin, double end, int bins, int kinds,
                  std::string_view name, std::span<const Span> marks) {
  const std::vector<double> all = shares(spans, begin, end, bins, kinds);
  std::vector<int> floors(static_cast<std::size_t>(bins)), heights(floors);
  std::vector<double> sums(floors.size());
  std::string shapes;
  for (int kind = 0; kind < kinds; ++kind) {
    for (std::size_t bin = 0; bin < sums.size(); ++bin) {
      sums[bin] += all[bin * static_cast<std::size_t>(kinds) + static_cast<std::size_t>(kind)];
      heights[bin] = static_cast<int>(std::lround(std::min(sums[bin], 1.0) * kHigh));
    }
    const std::string d = area(heights, floors);
    if (!d.empty()) shapes += fmt::format("<path fill=\"var(--{}{})\" d=\"{}\"/>", name, kind, d);
    floors = heights;
  }
  const double width = end > begin ? bins / (end - begin) : 0;
  for (const Span& mark : marks) {
    const double from = (std::max(mark.begin, begin) - begin) * width;
    const double to = (std::min(mark.end, end) - begin) * width;
    if (to <= from) continue;
    shapes += fmt::format("<path fill=\"var(--t2)\" d=\"M{:.1f} 0H{:.1f}V3H{:.1f}Z\"/>", from,
                          std::max(to, from + 1), from);
  }
  return stretched(bins, kHigh, " class=\"tall\"", shapes);
}

std::string bar_row(std::string_view label, std::string_view bar, std::string_view value) {
  return fmt::format("<span>{}</span>{}<span>{}</span>\n", xml_escaped(label), bar,
                     xml_escaped(value));
}

std::string bar_rows(std::string_view rows) {
  return fmt::format("<div class=\"bars\">\n{}</div>\n", rows);
}

std::string key(const std::vector<KeyEntry>& entries) {
  std::string text;
  for (const KeyEntry& entry : entries) {
    text += fmt::format(
        "<span><svg viewBox=\"0 0 1 1\" aria-hidden=\"true\"><path fill=\"{}\" "
        "d=\"M0 0h1v1h-1Z\"/></svg>{}</span>\n",
        entry.color, xml_escaped(entry.name));
  }
  return fmt::format("<div class=\"key\">\n{}</div>\n", text);
}

}  // namespace strait
