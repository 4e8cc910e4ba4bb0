// A few shapes as SVG text. Whole pixels; y grows downwards; later shapes lie on earlier ones.
//
// Text is not measured, since nobody knows the reader's fonts: text_width says what a wide one
// (DejaVu Sans) needs, and who leaves so much room has nothing overlap.
#pragma once

#include <string>
#include <string_view>

namespace strait {

struct SvgText {
  int size = 11;
  bool bold = false;
  std::string_view anchor = "start";  // middle, end
  std::string_view fill = "#222";
  int rotate = 0;  // degrees clockwise
};

/// `text` as it may stand in SVG and HTML, attributes included.
std::string xml_escaped(std::string_view text);

/// Pixels that `text` (UTF-8) takes at most.
int text_width(std::string_view text, int size, bool bold = false);

class Svg {
 public:
  void rect(int x, int y, int width, int height, std::string_view fill, std::string_view stroke,
            int radius = 0);
  void line(int x1, int y1, int x2, int y2, std::string_view stroke, double width);
  /// The same with a head at its end.
  void arrow(int x1, int y1, int x2, int y2, std::string_view stroke, double width);
  /// `d` as SVG has it; `style` are more attributes, each with a blank before it.
  void path(std::string_view d, std::string_view fill, std::string_view stroke, double width,
            std::string_view style = {});
  /// `y` is the base line.
  void text(int x, int y, std::string_view text, const SvgText& style = {});

  /// What was drawn so far, for a document of another make.
  const std::string& shapes() const { return shapes_; }

  /// The whole document, on white.
  std::string document(int width, int height) const;

 private:
  std::string shapes_;
};

}  // namespace strait
