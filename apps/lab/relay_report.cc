#include "apps/lab/relay_report.h"

#include <algorithm>

namespace strait {
namespace {

constexpr Nanos kLate = std::chrono::milliseconds(1);
constexpr double kLateShare = 0.01;

}  // namespace

void RelayReport::add(Nanos after) {
  ++forwarded;
  late += after > kLate;
  late_sum += after;
  late_max = std::max(late_max, after);
}

Nanos RelayReport::late_mean() const { return late_sum / std::max<std::int64_t>(1, forwarded); }

double RelayReport::late_share() const {
  return forwarded > 0 ? static_cast<double>(late) / static_cast<double>(forwarded) : 0;
}

bool is_late(double share) { return share > kLateShare; }

}  // namespace strait
