// A network as a picture: islands in their regions with their access links, what lies between the
// regions, shared links, and a matrix of round trips and rates.
#pragma once

#include <string>

#include "apps/show/svg.h"
#include "apps/show/view.h"

namespace strait {

/// A whole SVG document for light backgrounds; nothing overlaps at any number of islands.
std::string network_svg(const NetworkView& view, const std::string& title);

/// Part of it: from each row to each column. Islands if they are few, else regions, else shades
/// alone, and nothing if all pairs are alike. Drawn with its corner at (x, y), which moves down.
/// Returns the right edge.
int draw_matrix(const NetworkView& view, Svg& svg, int x, int& y);

}  // namespace strait
