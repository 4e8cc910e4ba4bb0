#include <fmt/format.h>

#include "core/base/errors.h"
#include "netsim/network_csv.h"

namespace strait {
namespace {

/// Closer together, rows would be packets.
constexpr Nanos kShortestRow{1'000'000};

Nanos row_time(const CsvRow& row, const LinkTrace& trace) {
  const Nanos time = row.quantity("time", parse_duration);
  if (trace.rows.empty() && time != Nanos{0}) {
    row.refuse("time",
               fmt::format("'{}' is not the beginning; the first row is at 0s", row["time"]));
  }
  if (!trace.rows.empty() && time < trace.rows.back().time + kShortestRow) {
    row.refuse("time",
               fmt::format("'{}' is not {} after the row above ({}) or more", row["time"],
                           format_duration(kShortestRow), format_duration(trace.rows.back().time)));
  }
  return time;
}

}  // namespace

LinkTrace read_trace(const std::string& path) {
  LinkTrace trace;
  for (const CsvRow& row : CsvFile(path).rows("time,rate,delay")) {
    if (trace.period > Nanos{0}) {
      row.refuse(
          fmt::format("the row above has neither rate nor delay, so the trace ends there at "
                      "{}; give it one, or delete this row",
                      format_duration(trace.period)));
    }
    const Nanos time = row_time(row, trace);
    LinkTrace::Row entry{.time = time};
    if (!row["rate"].empty()) entry.rate = read_rate(row, "rate");
    if (!row["delay"].empty()) entry.delay = read_delay(row, "delay");
    if (entry.rate || entry.delay) {
      trace.rows.push_back(entry);
    } else if (trace.rows.empty()) {
      row.refuse("rate", "the first row has neither rate nor delay; write e.g. 0s,20mbit,");
    } else {
      trace.period = time;
    }
  }
  if (trace.period == Nanos{0}) {
    throw UserError(
        fmt::format("{}: the last row has to say when the trace begins anew, with "
                    "neither rate nor delay, e.g. 60s,,",
                    path));
  }
  return trace;
}

}  // namespace strait
