// The files that a link's rate may follow, in three formats, each read into a LinkTrace.
//
//   CSV          time,rate,delay[,loss]: ours.
//   mahimahi     a whole number per line: a millisecond in which 1500 bytes of IP may leave. The
//   last
//                one is the period. Turned into a rate per bin (trace_mahimahi.cc says which bin).
//   mobile log   six columns between blanks: unix time, a counter of ms, latitude, longitude, bytes
//                and ms since the line before (Simula's HSDPA and Ghent University's 4G logs). The
//                rate is the fifth over the sixth.
//
// A name that ends in .csv is the first, in .up or .down the second; else the first line decides.
// Empty lines and lines that begin with # are skipped. Throw UserError in one line with file and
// line for what cannot be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "netsim/csv_rows.h"
#include "netsim/description.h"

namespace strait {

/// What comes after a trace's end: it begins anew, or its last row holds for good.
enum class TraceEnd { kLoop, kClip };

/// Where a trace lets nothing through. Not an outage of the link: what stands in a queue leaves
/// when the trace goes on, and no retransmission timer has to fire before. A rate has to be above
/// 0; a packet needs 25 minutes at this one.
inline constexpr BytesPerSecond kStandstill{1};

/// The trace that a cell names: "FILE", "FILE loop" or "FILE clip", with the path from the folder
/// of the row's file. Link and start are the caller's.
LinkTrace read_trace(const CsvRow& row, std::string_view column);

LinkTrace read_trace_csv(const std::string& path, TraceEnd end);
LinkTrace read_mahimahi(const std::string& path, TraceEnd end);
LinkTrace read_mobile_log(const std::string& path, TraceEnd end);

/// The lines of a file of numbers that count, in order.
class NumberLines {
 public:
  explicit NumberLines(const std::string& path);

  /// False at the end.
  bool next();
  std::string_view text() const { return line_; }  // of the present line, trimmed

  [[noreturn]] void refuse(std::string_view problem) const;  // the present line

 private:
  std::string path_;
  std::string contents_;
  std::size_t at_ = 0;
  unsigned number_ = 0;
  std::string_view line_;
};

/// Without the rows that change nothing; what never changes is not repeated.
void drop_repeated_rates(LinkTrace& trace);

}  // namespace strait
