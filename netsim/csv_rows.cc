#include "netsim/csv_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/base/errors.h"
#include "core/base/text.h"

// The only file with the CSV parser. Its reader thread would be wasted on files of this size.
#define CSV_IO_NO_THREAD
#pragma GCC diagnostic push
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wstringop-truncation"  // it terminates the string itself
#endif
#include <libfccp/csv.h>
#pragma GCC diagnostic pop

namespace strait {
namespace {

struct Column {
  std::string name;
  bool optional = false;
};

std::vector<Column> columns_of(std::string_view form) {
  std::vector<Column> columns{{}};
  bool optional = false;
  for (const char c : form) {
    if (c == '[' || c == ']') {
      optional = c == '[';
    } else if (c == ',') {
      columns.push_back({{}, optional});
    } else {
      columns.back().name += c;
    }
  }
  return columns;
}

/// What does not fit into one line of a terminal tells nobody anything.
std::string_view shortened(std::string_view text) { return text.substr(0, 60); }

}  // namespace

// --- rows ---

const std::string& CsvRow::operator[](std::string_view column) const {
  static const std::string kNone;
  const auto& columns = header_->columns;
  const auto found = std::find(columns.begin(), columns.end(), column);
  return found == columns.end() ? kNone : cells_[static_cast<std::size_t>(found - columns.begin())];
}

void CsvRow::refuse(std::string_view problem) const {
  throw UserError(fmt::format("{}:{}: {}", path(), line_, problem));
}

void CsvRow::refuse(std::string_view column, std::string_view problem) const {
  throw UserError(fmt::format("{}:{}: column '{}': {}", path(), line_, column, problem));
}

// --- files ---

struct CsvFile::Lines {
  explicit Lines(const std::string& path) : reader(path) {}
  io::LineReader reader;
};

CsvFile::CsvFile(const std::string& path) : header_(std::make_shared<CsvHeader>()) {
  header_->path = path;
  try {
    lines_ = std::make_unique<Lines>(path);
  } catch (const io::error::can_not_open_file& error) {
    throw UserError(
        fmt::format("{}: cannot be opened: {}", path, std::strerror(error.errno_value)));
  }
  std::string line;
  if (next_line(line)) header_->columns = split(line, ',');
}

CsvFile::~CsvFile() = default;

bool CsvFile::has_column(std::string_view name) const {
  const auto& columns = header_->columns;
  return std::find(columns.begin(), columns.end(), name) != columns.end();
}

/// The next one that is neither empty nor a comment.
bool CsvFile::next_line(std::string& line) {
  try {
    while (const char* text = lines_->reader.next_line()) {
      line = trim(text);
      if (line.empty() || line.front() == '#') continue;
      if (has_control_character(line)) {
        refuse(lines_->reader.get_file_line(),
               "the line has a control character in it; save the file as plain UTF-8 text");
      }
      return true;
    }
  } catch (const io::error::base& error) {
    throw UserError(fmt::format("{}: {}", header_->path, error.what()));
  }
  return false;
}

void CsvFile::refuse(unsigned line, std::string_view problem) const {
  const std::string where = line > 0 ? fmt::format("{}:{}", header_->path, line) : header_->path;
  throw UserError(fmt::format("{}: {}", where, problem));
}

void CsvFile::check_header(std::string_view form) const {
  const std::string fix = fmt::format("the columns are {}", form);
  if (header_->columns.empty()) refuse(0, fmt::format("the file is empty; {}", fix));
  const std::vector<Column> known = columns_of(form);
  for (auto at = header_->columns.begin(); at != header_->columns.end(); ++at) {
    const bool expected = std::any_of(known.begin(), known.end(),
                                      [&](const Column& column) { return column.name == *at; });
    if (!expected) refuse(0, fmt::format("column '{}' is unknown; {}", shortened(*at), fix));
    if (std::find(header_->columns.begin(), at, *at) != at) {
      refuse(0, fmt::format("column '{}' is there twice; {}", *at, fix));
    }
  }
  for (const auto& [name, optional] : known) {
    if (!optional && !has_column(name)) {
      refuse(0, fmt::format("there is no column '{}'; {}", name, fix));
    }
  }
}

std::vector<std::string> CsvFile::cells_of(std::string line) const {
  using Quotes = io::double_quote_escape<',', '"'>;
  std::vector<std::string> cells;
  try {
    for (char* next = line.data();;) {
      char* begin = next;
      char* end = begin + (Quotes::find_next_column_end(begin) - begin);
      const bool last = *end == '\0';
      next = end + 1;
      io::trim_chars<' ', '\t'>::trim(begin, end);
      Quotes::unescape(begin, end);
      cells.emplace_back(begin, end);
      if (last) return cells;
    }
  } catch (const io::error::escaped_string_not_closed&) {
    refuse(lines_->reader.get_file_line(), "a double quote is not closed");
  }
}

std::vector<CsvRow> CsvFile::rows(std::string_view form) {
  check_header(form);
  std::vector<CsvRow> rows;
  std::string line;
  while (next_line(line)) {
    const unsigned number = lines_->reader.get_file_line();
    std::vector<std::string> cells = cells_of(line);
    if (cells.size() < header_->columns.size()) {
      refuse(number, fmt::format("a column is missing (an empty one needs its comma too); the "
                                 "columns are {}",
                                 join(header_->columns, ",")));
    }
    if (cells.size() > header_->columns.size()) {
      refuse(number, fmt::format("there are too many columns; the columns are {}",
                                 join(header_->columns, ",")));
    }
    rows.emplace_back(header_, number, std::move(cells));
  }
  return rows;
}

}  // namespace strait
