// Scale: from values to pixels along one axis of a chart, and where its ticks stand.
#pragma once

#include <string>
#include <vector>

namespace strait {

struct Range {
  double low = 0;
  double high = 1;
};

class Scale {
 public:
  /// `begin` and `end` are the pixels of range.low and range.high. A logarithmic one needs
  /// range.low > 0. A range without extent is widened.
  Scale(Range range, double begin, double end, bool log);

  double at(double value) const;

  /// Round values (1, 2 or 5 times a power of ten) within the range, about `count` of them.
  std::vector<double> ticks(int count) const;

  const Range& range() const { return range_; }

 private:
  Range range_;
  double begin_, end_;
  bool log_;
};

/// "0.5", "20k", "3M", "1G": at most three digits that count.
std::string short_number(double value);

}  // namespace strait
