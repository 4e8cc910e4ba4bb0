// Files of measured transfers (tests/groundtruth): one row a case, what was measured and how.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "netsim/kernel_case.h"

namespace strait {

struct MeasuredCase {
  KernelCase setup;
  std::string what, params;  // as they stand in the file
  /// tight: the kernel repeats itself within 3 %; spread: a distribution.
  bool tight = false;
  double median_s = 0;
  std::vector<double> all_s;
  Bytes wire_bytes = 0;  // the median over the repetitions
};

inline std::string_view class_name(bool tight) { return tight ? "tight" : "spread"; }

/// Columns id, params (JSON), median_s, all_s, wire_bytes and class; of the others only what.
/// UserError that names file, line, value and what would be right.
std::vector<MeasuredCase> read_case_file(const std::string& path);

}  // namespace strait
