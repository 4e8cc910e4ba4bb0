// How far the emulator's TCP is from a kernel's, case by case and in all.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/validation/case_file.h"

namespace strait {

/// One case, run once, or once per seed if chance has a part in it.
struct ValidatedCase {
  std::string id;
  bool tight = false;
  bool random = false;
  double kernel_s = 0;  // medians
  double strait_s = 0;
  Bytes kernel_wire_bytes = 0;
  Bytes strait_wire_bytes = 0;
  bool ranges_overlap = false;  // our 10-90 % range and the kernel's min-max, 5 % wider each way

  double error_pct() const { return 100 * (strait_s / kernel_s - 1); }
  double wire_error_pct() const {
    return 100 *
           (static_cast<double>(strait_wire_bytes) / static_cast<double>(kernel_wire_bytes) - 1);
  }
};

ValidatedCase validate(const MeasuredCase& measured, std::uint64_t seeds);

/// "id,class,kernel_s,strait_s,error_pct,kernel_wire_bytes,strait_wire_bytes" and a row, without
/// line ends.
std::string csv_header();
std::string csv_row(const ValidatedCase& validated);

/// A comment line of the CSV per class that occurs.
std::string summary(const std::vector<ValidatedCase>& cases);

}  // namespace strait
