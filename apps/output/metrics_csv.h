// metrics.csv: a row per arm and round, for programs. The columns are stable; new ones go to the
// end of their group. Columns that start with wall_ differ between repeats of a run, all others are
// the same to the byte.
//
// Thread: the owner's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/units.h"

namespace strait {

/// Bytes that all islands together sent, by what they were for.
struct BytesSent {
  Bytes payload = 0;   // of committed rounds, or of completed steps in data parallelism
  Bytes start = 0;     // handing out the start after pretraining
  Bytes control = 0;   // hello, ready, report, verdict
  Bytes framing = 0;   // heads of messages
  Bytes aborted = 0;   // payload of rounds that did not count
  Bytes catch_up = 0;  // of islands that missed rounds

  Bytes total() const { return payload + start + control + framing + aborted + catch_up; }
};

struct MetricsRow {
  std::string arm;                 // "diloco"
  std::int64_t round = 0;          // from 1; 0 = what happened before the first
  std::int64_t step = 0;           // inner steps of an island so far
  std::int64_t tokens = 0;         // of all islands so far
  std::optional<double> loss;      // mean training loss of the round; none for round 0
  std::optional<double> held_out;  // loss on held-out text, where it was evaluated
  Nanos virtual_time{0};           // since the start of the arm, at the end of the round
  Nanos waiting{0};                // of all islands in this round: virtual time without computing
  BytesSent sent;                  // in this round
  int members = 0;                 // islands that contributed
  std::string verdict;             // commit | abort | empty where there is none
  int missing = 0;                 // islands that took no part
  int attempts = 0;                // until the verdict; 0 where there is none
  std::int64_t discarded_tokens = 0;     // whose work came to nothing in this round
  std::vector<std::int32_t> not_finite;  // islands whose outer gradient was not finite
  double wall_s = 0;                     // wall-clock seconds since the start of the arm
  std::optional<Nanos> late{};           // the latest event since the last row; only in real time
};

/// "12.000000345": repeats and replays are compared to the nanosecond.
std::string exact_seconds(Nanos time);

/// With its end of line.
std::string metrics_header();
std::string metrics_line(const MetricsRow& row);

/// Keeps all rows and writes the whole file anew (atomically), so that a run that is killed leaves
/// the rows up to the last write(). A row is some 150 bytes.
class MetricsCsv {
 public:
  explicit MetricsCsv(std::string path) : path_(std::move(path)), text_(metrics_header()) {}

  void add(const MetricsRow& row) { text_ += metrics_line(row); }
  void write() const;  // at the end of each arm; throws UserError

 private:
  std::string path_;
  std::string text_;
};

}  // namespace strait
