#include "apps/validation/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/validation/statistics.h"

namespace strait {
namespace {

constexpr double kWider = 0.05;

}  // namespace

ValidatedCase validate(const MeasuredCase& measured, std::uint64_t seeds) {
  std::vector<double> times, wires;
  const bool random = measured.setup.random();
  for (std::uint64_t seed = 1; seed <= (random ? seeds : 1); ++seed) {
    const KernelCaseRun run = run_kernel_case(measured.setup, seed);
    times.push_back(static_cast<double>(run.time.count()) / 1e9);
    wires.push_back(static_cast<double>(run.wire_bytes));
  }
  const auto [least, most] = std::minmax_element(measured.all_s.begin(), measured.all_s.end());
  return {.id = measured.setup.id,
          .tight = measured.tight,
          .random = random,
          .kernel_s = measured.median_s,
          .strait_s = median(times),
          .kernel_wire_bytes = measured.wire_bytes,
          .strait_wire_bytes = static_cast<Bytes>(median(wires)),
          .ranges_overlap = quantile(times, 0.1) <= *most * (1 + kWider) &&
                            quantile(times, 0.9) >= *least * (1 - kWider)};
}

std::string csv_header() {
  return "id,class,kernel_s,strait_s,error_pct,kernel_wire_bytes,strait_wire_bytes";
}

std::string csv_row(const ValidatedCase& c) {
  return fmt::format("{},{},{:.4f},{:.4f},{:.2f},{},{}", c.id, class_name(c.tight), c.kernel_s,
                     c.strait_s, c.error_pct(), c.kernel_wire_bytes, c.strait_wire_bytes);
}

std::string summary(const std::vector<ValidatedCase>& cases) {
  std::string text;
  for (const bool tight : {true, false}) {
    std::vector<double> errors, wire_errors;
    int near = 0, overlapping = 0;
    const ValidatedCase* worst = nullptr;
    for (const ValidatedCase& c : cases) {
      if (c.tight != tight) continue;
      errors.push_back(std::abs(c.error_pct()));
      wire_errors.push_back(std::abs(c.wire_error_pct()));
      near += errors.back() <= 15;
      overlapping += c.ranges_overlap;
      if (worst == nullptr || std::abs(worst->error_pct()) < errors.back()) worst = &c;
    }
    if (errors.empty()) continue;
    text += fmt::format(
        "# {}: {} cases, error of the time: median {:.2f} %, 90th percentile {:.2f} %, worst "
        "{:.2f} "
        "% ({}); of the bytes on the wire: median {:.2f} %\n",
        class_name(tight), errors.size(), median(errors), quantile(errors, 0.9),
        std::abs(worst->error_pct()), worst->id, median(wire_errors));
    if (tight) continue;
    text += fmt::format("# spread: {} of {} medians within 15 %, {} ranges overlap\n", near,
                        errors.size(), overlapping);
  }
  return text;
}

}  // namespace strait
