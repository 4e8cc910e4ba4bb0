// The rows of a CSV file, by the names of their columns, and the complaints about them: one line
// with file, line, column, the value, what is wrong with it and a right one.
//
// Columns may stand in any order; lines that begin with # and empty lines are skipped; blanks
// around a value do not count; a value with commas stands in double quotes, and a quote in it is
// doubled. Files are small and read as a whole.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/quantities.h"

namespace strait {

struct CsvHeader {
  std::string path;
  std::vector<std::string> columns;  // as they stand in the file
};

class CsvRow {
 public:
  CsvRow(std::shared_ptr<const CsvHeader> header, unsigned line, std::vector<std::string> cells)
      : header_(std::move(header)), line_(line), cells_(std::move(cells)) {}

  /// Empty if the file does not have the column.
  const std::string& operator[](std::string_view column) const;

  const std::string& path() const { return header_->path; }
  unsigned line() const { return line_; }

  /// Throw UserError: "PATH:LINE: PROBLEM" and "PATH:LINE: column 'COLUMN': PROBLEM".
  [[noreturn]] void refuse(std::string_view problem) const;
  [[noreturn]] void refuse(std::string_view column, std::string_view problem) const;

  /// One of the parsers of core/base/quantities.h on a column.
  template <class Parser>
  auto quantity(std::string_view column, Parser parser) const {
    try {
      return parser((*this)[column]);
    } catch (const BadQuantity& bad) {
      refuse(column, bad.what());
    }
  }

 private:
  std::shared_ptr<const CsvHeader> header_;
  unsigned line_;
  std::vector<std::string> cells_;
};

class CsvFile {
 public:
  /// Throws UserError if the file cannot be read.
  explicit CsvFile(const std::string& path);
  ~CsvFile();

  bool has_column(std::string_view name) const;

  /// All rows, once. `form` is what the header has to be, in any order; columns in brackets may be
  /// missing: "island,up,down,delay[,loss]". Throws UserError for another header and for rows with
  /// too few or too many columns.
  std::vector<CsvRow> rows(std::string_view form);

 private:
  struct Lines;

  bool next_line(std::string& line);
  std::vector<std::string> cells_of(std::string line) const;
  void check_header(std::string_view form) const;
  [[noreturn]] void refuse(unsigned line, std::string_view problem) const;

  std::unique_ptr<Lines> lines_;
  std::shared_ptr<CsvHeader> header_;
};

}  // namespace strait
