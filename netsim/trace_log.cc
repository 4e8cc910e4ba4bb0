// Logs of downloads over mobile networks, six columns (Riiser et al., MMSys 2013; van der Hooft et
// al., IEEE Communications Letters 2016).
//
// What was measured are bytes that arrived; they are taken as the link's rate as they are, headers
// included, as everybody does who plays these logs.
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

#include "core/base/errors.h"
#include "netsim/trace_files.h"

namespace strait {
namespace {

constexpr std::array<std::string_view, 6> kColumns{"unix time", "ms counter", "latitude",
                                                   "longitude", "bytes",      "ms"};
constexpr std::size_t kCounter = 1, kLatitude = 2, kLongitude = 3, kBytes = 4, kMs = 5;

constexpr std::int64_t kLongestLineMs = 600'000;
constexpr std::int64_t kMostBytes = 1'000'000'000'000;    // in a line, so that sums fit
constexpr std::int64_t kFastestBytesPerMs = 125'000'000;  // 1 Tbit/s

using Cells = std::array<std::string_view, kColumns.size()>;

Cells cells_of_line(const NumberLines& lines) {
  Cells cells;
  std::size_t count = 0;
  std::string_view rest = lines.text();
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of(" \t"), rest.size());
    if (count < cells.size()) cells[count] = rest.substr(0, end);
    ++count;
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t", end), rest.size()));
  }
  if (count != cells.size()) {
    lines.refuse(
        fmt::format("{} column{} instead of 6; a line of a mobile log is unix time, ms "
                    "counter, latitude, longitude, bytes and ms since the line above",
                    count, count == 1 ? "" : "s"));
  }
  return cells;
}

std::int64_t whole(const NumberLines& lines, const Cells& cells, std::size_t column) {
  const std::string_view text = cells[column];
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) {
    lines.refuse(fmt::format("{} (column {}): '{}' is no whole number from 0", kColumns[column],
                             column + 1, text.substr(0, 60)));
  }
  return value;
}

void check_degrees(const NumberLines& lines, const Cells& cells, std::size_t column, double most) {
  const std::string_view text = cells[column];
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && std::abs(value) <= most) return;
  lines.refuse(fmt::format("{} (column {}): '{}' is no number from -{} to {}", kColumns[column],
                           column + 1, text.substr(0, 60), most, most));
}

struct LogLine {
  std::int64_t counter_ms = 0;
  std::int64_t bytes = 0;
  std::int64_t ms = 0;
};

LogLine read_line(const NumberLines& lines) {
  const Cells cells = cells_of_line(lines);
  (void)whole(lines, cells, 0);
  check_degrees(lines, cells, kLatitude, 90);
  check_degrees(lines, cells, kLongitude, 180);
  const LogLine line{.counter_ms = whole(lines, cells, kCounter),
                     .bytes = whole(lines, cells, kBytes),
                     .ms = whole(lines, cells, kMs)};
  if (line.ms > kLongestLineMs) {
    lines.refuse(fmt::format("ms (column 6): {} is more than {}; cut the log there", line.ms,
                             format_duration(std::chrono::milliseconds(kLongestLineMs))));
  }
  if (line.bytes > kMostBytes || line.bytes > line.ms * kFastestBytesPerMs) {
    lines.refuse(
        fmt::format("bytes (column 5): {} in {} ms is more than 1 Tbit/s", line.bytes, line.ms));
  }
  return line;
}

/// The sixth column is the difference of the second to the line above; a clock may be off a little.
void check_gap(const NumberLines& lines, const LogLine& line, std::int64_t counter_before) {
  const std::int64_t passed = line.counter_ms - counter_before;
  const std::int64_t off = std::abs(passed - line.ms);
  if (off <= 100 || off <= line.ms / 10) return;
  lines.refuse(
      fmt::format("a gap: the ms counter (column 2) went on by {}, but column 6 says {}; "
                  "lines are missing, or in another order",
                  passed, line.ms));
}

}  // namespace

LinkTrace read_mobile_log(const std::string& path, TraceEnd end) {
  NumberLines lines(path);
  LinkTrace trace;
  std::optional<std::int64_t> counter;
  std::int64_t at_ms = 0;
  while (lines.next()) {
    const LogLine line = read_line(lines);
    if (counter) check_gap(lines, line, *counter);
    counter = line.counter_ms;
    if (line.ms == 0) continue;  // the first line of some logs: nothing yet
    const BytesPerSecond rate{(line.bytes * 1000 + line.ms / 2) / line.ms};
    trace.rows.push_back(
        {.time = std::chrono::milliseconds(at_ms), .rate = std::max(rate, kStandstill)});
    at_ms += line.ms;
  }
  if (trace.rows.empty()) {
    throw UserError(
        fmt::format("{}: no time passes in this mobile log; its lines have ms since "
                    "the line above as column 6",
                    path));
  }
  if (end == TraceEnd::kLoop) trace.period = std::chrono::milliseconds(at_ms);
  trace.source = "mobile log";
  drop_repeated_rates(trace);
  return trace;
}

}  // namespace strait
