// Fewer points for the same picture, and shares of time for a strip. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace strait {

struct Point {
  double x = 0;
  double y = 0;
  bool operator==(const Point&) const = default;
};

/// At most `most` (4 or more) of the points, in their order: the first and the last, and of equal
/// groups between them the lowest and the highest, so that no peak is lost.
std::vector<Point> thinned(std::span<const Point> points, std::size_t most);

/// Something that lasted from begin to end and is of one of several kinds.
struct Span {
  double begin = 0;
  double end = 0;
  int kind = 0;
};

/// Of each of `bins` equal parts of [begin, end]: how much of it each kind took, from 0 to 1, by
/// [bin * kinds + kind].
std::vector<double> shares(std::span<const Span> spans, double begin, double end, int bins,
                           int kinds);

}  // namespace strait
