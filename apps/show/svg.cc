#include "apps/show/svg.h"

#include <fmt/format.h>

#include "apps/output/table.h"

namespace strait {

std::string xml_escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      default: result += c;
    }
  }
  return result;
}

int text_width(std::string_view text, int size, bool bold) {
  return static_cast<int>(width_of(text)) * size * (bold ? 72 : 64) / 100;
}

void Svg::rect(int x, int y, int width, int height, std::string_view fill, std::string_view stroke,
               int radius) {
  shapes_ += fmt::format(
      "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\" fill=\"{}\" stroke=\"{}\"/>\n",
      x, y, width, height, radius, fill, stroke);
}

void Svg::line(int x1, int y1, int x2, int y2, std::string_view stroke, double width) {
  shapes_ += fmt::format(
      "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"{}\" stroke-width=\"{:.1f}\"/>\n", x1,
      y1, x2, y2, stroke, width);
}

void Svg::arrow(int x1, int y1, int x2, int y2, std::string_view stroke, double width) {
  line(x1, y1, x2, y2, stroke, width);
  // Upright and level ones only: the head is drawn by hand, since markers grow with the line.
  const int size = 5;
  const int dx = (x2 > x1) - (x2 < x1), dy = (y2 > y1) - (y2 < y1);
  shapes_ += fmt::format("<path d=\"M{} {} L{} {} L{} {} Z\" fill=\"{}\"/>\n", x2 + dx * 2,
                         y2 + dy * 2, x2 - dx * size - dy * size, y2 - dy * size - dx * size,
                         x2 - dx * size + dy * size, y2 - dy * size + dx * size, stroke);
}

void Svg::path(std::string_view d, std::string_view fill, std::string_view stroke, double width,
               std::string_view style) {
  shapes_ += fmt::format("<path d=\"{}\" fill=\"{}\" stroke=\"{}\" stroke-width=\"{:.1f}\"{}/>\n",
                         d, fill, stroke, width, style);
}

void Svg::text(int x, int y, std::string_view text, const SvgText& style) {
  shapes_ += fmt::format("<text x=\"{}\" y=\"{}\" font-size=\"{}\" fill=\"{}\"", x, y, style.size,
                         style.fill);
  if (style.bold) shapes_ += " font-weight=\"bold\"";
  if (style.anchor != "start") shapes_ += fmt::format(" text-anchor=\"{}\"", style.anchor);
  if (style.rotate != 0) {
    shapes_ += fmt::format(" transform=\"rotate({} {} {})\"", style.rotate, x, y);
  }
  shapes_ += fmt::format(">{}</text>\n", xml_escaped(text));
}

std::string Svg::document(int width, int height) const {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} "
      "{1}\" font-family=\"DejaVu Sans, Verdana, Helvetica, Arial, sans-serif\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n{2}</svg>\n",
      width, height, shapes_);
}

}  // namespace strait
