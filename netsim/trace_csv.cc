#include <fmt/format.h>

#include "core/base/errors.h"
#include "netsim/network_csv.h"
#include "netsim/trace_files.h"

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

LinkTrace read_trace_csv(const std::string& path, TraceEnd end) {
  LinkTrace trace;
  for (const CsvRow& row : CsvFile(path).rows("time,rate,delay[,loss]")) {
    if (trace.period > Nanos{0}) {
      row.refuse(
          fmt::format("the row above has no values, so the trace ends there at {}; give it one, or "
                      "delete this row",
                      format_duration(trace.period)));
    }
    const Nanos time = row_time(row, trace);
    LinkTrace::Row entry{.time = time};
    if (!row["rate"].empty()) entry.rate = read_rate(row, "rate");
    if (!row["delay"].empty()) entry.delay = read_delay(row, "delay");
    if (!row["loss"].empty()) entry.loss_ppm = read_loss(row, "loss");
    if (entry.rate || entry.delay || entry.loss_ppm) {
      trace.rows.push_back(entry);
    } else if (trace.rows.empty()) {
      row.refuse("rate", "the first row has no values; write e.g. 0s,20mbit,");
    } else {
      trace.period = time;
    }
  }
  if (trace.period == Nanos{0} && (end == TraceEnd::kLoop || trace.rows.empty())) {
    throw UserError(
        fmt::format("{}: the last row has to say when the trace begins anew, without values, e.g. "
                    "60s,,; or write clip behind the file's name, and the last row holds for good",
                    path));
  }
  if (end == TraceEnd::kClip) trace.period = Nanos{0};
  trace.source = "CSV";
  return trace;
}

}  // namespace strait
