#include "netsim/trace_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/base/text.h"

namespace strait {
namespace {

namespace fs = std::filesystem;

using TraceReader = LinkTrace (*)(const std::string&, TraceEnd);

bool only(std::string_view text, std::string_view characters) {
  return !text.empty() && text.find_first_not_of(characters) == std::string_view::npos;
}

TraceReader reader_of(const fs::path& path) {
  const fs::path extension = path.extension();
  if (extension == ".csv") return read_trace_csv;
  if (extension == ".up" || extension == ".down") return read_mahimahi;
  NumberLines lines(path);
  if (!lines.next()) throw UserError(fmt::format("{}: the file is empty", path.string()));
  const std::string_view first = lines.text();
  if (first.find(',') != std::string_view::npos) return read_trace_csv;
  if (only(first, "-+.0123456789")) return read_mahimahi;
  if (only(first, "-+.0123456789 \t")) return read_mobile_log;
  lines.refuse(
      "this is no trace: that begins with the header time,rate,delay (CSV), with a number of "
      "milliseconds (mahimahi), or with six numbers (a mobile log)");
}

/// Takes " loop" or " clip" from the end of `name`.
TraceEnd take_end(std::string_view& name) {
  const auto blank = name.find_last_of(" \t");
  if (blank == std::string_view::npos) return TraceEnd::kLoop;
  const std::string_view last = name.substr(blank + 1);
  if (last != "loop" && last != "clip") return TraceEnd::kLoop;
  name = trim(name.substr(0, blank));
  return last == "clip" ? TraceEnd::kClip : TraceEnd::kLoop;
}

}  // namespace

LinkTrace read_trace(const CsvRow& row, std::string_view column) {
  std::string_view name = row[column];
  const TraceEnd end = take_end(name);
  if (name.empty()) row.refuse(column, "'' is empty; write the name of a trace's file");
  const fs::path path = (fs::path(folder_of(row.path())) / name).lexically_normal();
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) {
    row.refuse(column, fmt::format("there is no file {}; write its path from the folder of this "
                                   "file, and loop or clip behind it",
                                   path.string()));
  }
  LinkTrace trace = reader_of(path)(path, end);
  trace.source = fmt::format("{}, {}{}", path.filename().string(), trace.source,
                             end == TraceEnd::kClip ? ", once" : "");
  return trace;
}

void drop_repeated_rates(LinkTrace& trace) {
  const auto same = [](const LinkTrace::Row& a, const LinkTrace::Row& b) {
    return a.rate == b.rate;
  };
  trace.rows.erase(std::unique(trace.rows.begin(), trace.rows.end(), same), trace.rows.end());
  if (trace.rows.size() == 1) trace.period = Nanos{0};
}

// --- lines ---

NumberLines::NumberLines(const std::string& path) : path_(path), contents_(read_file(path)) {}

bool NumberLines::next() {
  while (at_ < contents_.size()) {
    const std::size_t end = std::min(contents_.find('\n', at_), contents_.size());
    line_ = trim(std::string_view(contents_).substr(at_, end - at_));
    at_ = end + 1;
    ++number_;
    if (line_.empty() || line_.front() == '#') continue;
    if (has_control_character(line_)) {
      line_ = {};
      refuse("the line has a control character in it; save the file as plain UTF-8 text");
    }
    return true;
  }
  return false;
}

void NumberLines::refuse(std::string_view problem) const {
  throw UserError(fmt::format("{}:{}: {}", path_, number_, problem));
}

}  // namespace strait
