#include "apps/output/table.h"

#include <algorithm>

#include "core/base/check.h"

namespace strait {
namespace {

constexpr std::string_view kBetween = "  ";

void drop_blanks_at_end(std::string& line) { line.erase(line.find_last_not_of(' ') + 1); }

}  // namespace

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string padded(std::string_view text, std::size_t width, Align align) {
  const std::size_t held = width_of(text);
  const std::string blanks(width > held ? width - held : 0, ' ');
  return align == Align::kLeft ? std::string(text) + blanks : blanks + std::string(text);
}

void Table::row(std::vector<std::string> cells) {
  STRAIT_CHECK(cells.size() == columns_.size(), "{} cells for {} columns", cells.size(),
               columns_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<std::string> titles, rules;
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = width_of(columns_[i].title);
    for (const auto& cells : rows_) width = std::max(width, width_of(cells[i]));
    widths.push_back(width);
    titles.push_back(columns_[i].title);
    rules.emplace_back(width, '-');
  }
  std::string text;
  const auto add = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) line += kBetween;
      line += padded(cells[i], widths[i], columns_[i].align);
    }
    drop_blanks_at_end(line);
    text += line + '\n';
  };
  add(titles);
  add(rules);
  for (const auto& cells : rows_) add(cells);
  return text;
}

}  // namespace strait
