// Rows of bars that are as wide as the page lets them be: the drawing is stretched, its texts stand
// beside it as HTML. And strips: what share of each moment was of which kind.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/report/sampling.h"

namespace strait {

struct Part {
  double size = 0;    // of the whole bar, 0 to 1
  std::string color;  // CSS
};

/// Parts side by side.
std::string bar(const std::vector<Part>& parts);

/// From `begin` to `end`, as a stack of shares over so many bins; kind k has the colour
/// "var(--NAMEk)". Kinds lie from the bottom upwards. What `marks` cover has a line at the top.
std::string strip(std::span<const Span> spans, double begin, double end, int bins, int kinds,
                  std::string_view name, std::span<const Span> marks);

/// A label, a bar or strip, and a text.
std::string bar_row(std::string_view label, std::string_view bar, std::string_view value);

std::string bar_rows(std::string_view rows);

struct KeyEntry {
  std::string name;
  std::string color;
};
std::string key(const std::vector<KeyEntry>& entries);

}  // namespace strait
