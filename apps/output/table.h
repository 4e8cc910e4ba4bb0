// A plain-text table with aligned columns, for the verdict and comparisons.
//
//   Table table({{"arm"}, {"sent", Align::kRight}});
//   table.row({"diloco", "12.3 MB"});
//   fmt::print("{}", table.text());
//
// Thread: the owner's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace strait {

enum class Align { kLeft, kRight };

struct Column {
  std::string title;
  Align align = Align::kLeft;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// One cell per column.
  void row(std::vector<std::string> cells);

  /// Titles, a line below them, the rows; each line ends in '\n' and has no blanks before it.
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// `text` filled up with blanks to `width` characters (code points of UTF-8, not bytes).
std::string padded(std::string_view text, std::size_t width, Align align = Align::kLeft);

/// Characters of UTF-8 text: bytes that do not continue another.
std::size_t width_of(std::string_view text);

}  // namespace strait
