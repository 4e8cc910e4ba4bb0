// mahimahi's traces (Netravali et al., Mahimahi, ATC 2015) as rates.
//
// A line is an opportunity: in this millisecond 1500 bytes of IP may leave; several lines of one
// millisecond add up. On the wire of ours such a packet is 1514 bytes (network.mss +
// network.header_bytes with their defaults), so that is what an opportunity counts here, and a file
// that says only "1", 12 Mbit/s of IP, is a link of 12.112 Mbit/s.
//
// The rate of a bin is what the opportunities in it let through. Bins are all of one length, the
// shortest at which the rate does not flip between nothing and much just because bins are narrower
// than the pauses between packets: at most one bin in twenty is empty between two that are not, or
// the other way round. TCP does not see what happens within so short a time, and a change of a rate
// costs about as much as a packet would. Capacity is kept: at the end of each bin as much could
// have left as in the trace. What is left over at the end belongs to the last bin.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "core/base/errors.h"
#include "netsim/trace_files.h"

namespace strait {
namespace {

constexpr Bytes kOpportunity = 1500 + 14;
constexpr std::array<std::int64_t, 6> kBinsMs{20, 50, 100, 200, 500, 1000};
constexpr std::int64_t kFlipsOneIn = 20;

/// Nothing for longer: somebody wrote other units than milliseconds, or times since 1970.
constexpr std::int64_t kLongestGapMs = 600'000;

std::int64_t opportunity(const NumberLines& lines, std::int64_t before) {
  const std::string_view text = lines.text();
  std::int64_t ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (error != std::errc() || end != text.data() + text.size()) {
    lines.refuse(
        fmt::format("'{}' is no whole number; a line of a mahimahi trace is the "
                    "millisecond in which a packet may leave, e.g. 12",
                    text.substr(0, 60)));
  }
  if (ms < 0) lines.refuse(fmt::format("'{}' is negative; write e.g. 12", text));
  if (ms < before) {
    lines.refuse(fmt::format("'{}' is before the line above ({}); lines are in the order of time",
                             text, before));
  }
  if (ms - before > kLongestGapMs) {
    lines.refuse(
        fmt::format("'{}' is more than {} after the line above ({}); lines are in "
                    "milliseconds since the beginning",
                    text, format_duration(std::chrono::milliseconds(kLongestGapMs)), before));
  }
  return ms;
}

struct Bins {
  std::int64_t length_ms = 0;  // of all but the last, which is longer
  std::vector<std::int64_t> counts;

  Bins(const std::vector<std::int64_t>& opportunities, std::int64_t length)
      : length_ms(length),
        counts(static_cast<std::size_t>(std::max<std::int64_t>(1, opportunities.back() / length))) {
    for (const std::int64_t ms : opportunities) {
      // Millisecond t is the time from t - 1 to t.
      const auto bin = static_cast<std::size_t>(std::max<std::int64_t>(ms - 1, 0) / length);
      ++counts[std::min(bin, counts.size() - 1)];
    }
  }

  bool flips() const {
    const std::size_t n = counts.size();
    std::int64_t alone = 0;
    for (std::size_t i = 0; n > 2 && i < n; ++i) {
      const bool empty = counts[i] == 0;
      alone += empty != (counts[(i + 1) % n] == 0) && empty != (counts[(i + n - 1) % n] == 0);
    }
    return alone * kFlipsOneIn > static_cast<std::int64_t>(n);
  }
};

Bins bins_of(const std::vector<std::int64_t>& opportunities) {
  for (const std::int64_t length : kBinsMs) {
    Bins bins(opportunities, length);
    if (!bins.flips() || length == kBinsMs.back()) return bins;
  }
  return {opportunities, kBinsMs.back()};
}

BytesPerSecond rate_of(std::int64_t count, std::int64_t ms) {
  if (count == 0) return kStandstill;
  return {(count * kOpportunity * 1000 + ms / 2) / ms};
}

}  // namespace

LinkTrace read_mahimahi(const std::string& path, TraceEnd end) {
  NumberLines lines(path);
  std::vector<std::int64_t> opportunities;
  std::int64_t last = 0;
  while (lines.next()) opportunities.push_back(last = opportunity(lines, last));
  if (last == 0) {
    throw UserError(
        fmt::format("{}: {}; a mahimahi trace has a millisecond per packet, the last "
                    "one above 0",
                    path, opportunities.empty() ? "the file is empty" : "the last line is 0"));
  }
  const Bins bins = bins_of(opportunities);
  LinkTrace trace;
  for (std::size_t i = 0; i < bins.counts.size(); ++i) {
    const std::int64_t begin = static_cast<std::int64_t>(i) * bins.length_ms;
    const bool is_last = i + 1 == bins.counts.size();
    trace.rows.push_back(
        {.time = std::chrono::milliseconds(begin),
         .rate = rate_of(bins.counts[i], is_last ? last - begin : bins.length_ms)});
  }
  if (end == TraceEnd::kLoop) trace.period = std::chrono::milliseconds(last);
  trace.source = fmt::format("mahimahi in steps of {}ms", std::min(bins.length_ms, last));
  drop_repeated_rates(trace);
  return trace;
}

}  // namespace strait
