// A case that was measured anew: what its repetitions gave, as a case to validate against and as a
// row of a file of cases.
//
// Plain values; any thread.
#pragma once

#include <string>
#include <vector>

#include "apps/lab/relay_report.h"
#include "apps/validation/case_file.h"

namespace strait {

struct TransferReport {
  Nanos time{0};             // from the first write to the last byte's arrival
  std::vector<Nanos> flows;  // the same for each
  std::int64_t retransmitted = 0;
  Nanos least_rtt{0};  // of the first flow
};

struct Repetition {
  TransferReport transfer;
  RelayReport relay;
  Bytes wire_bytes = 0;  // on all uplinks
};

struct Measurement {
  MeasuredCase measured;
  std::vector<Repetition> repetitions;
  int again = 0;  // how many were made twice because the relay was late

  double late_share() const;
};

/// The class is found anew, but a recorded `spread` stands if there were more repetitions of it.
/// `again` as in Measurement; `repetitions` in the order of their seeds, at least one.
Measurement summarize(const MeasuredCase& recorded, std::vector<Repetition> repetitions, int again);

/// Whether times that were measured so belong to the class `tight`: they lie within 3 % of each
/// other, from ten on their 10-90 % range, and at most 1 % of the packets were late.
bool is_tight(const std::vector<double>& times, double late_share);

/// A file that read_case_file reads.
std::string case_file(const std::vector<Measurement>& measurements);

}  // namespace strait
