#include "core/comm/ledger.h"

#include <numeric>

namespace strait {

std::string_view to_string(Cause cause) {
  constexpr std::array<std::string_view, kCauses> kNames{"payload",  "start",   "aborted",
                                                         "catch_up", "control", "framing"};
  return kNames[static_cast<std::size_t>(cause)];
}

void Ledger::add(PeerId from, PeerId to, std::int64_t round, Cause cause, Bytes bytes) {
  const std::lock_guard lock(mutex_);
  if (cause == Cause::kPayload && aborted_.contains(round)) cause = Cause::kAborted;
  bytes_[{round, from, to, cause}] += bytes;
  totals_[static_cast<std::size_t>(cause)] += bytes;
}

void Ledger::abort_round(std::int64_t round) {
  const std::lock_guard lock(mutex_);
  aborted_.insert(round);
  const auto first = bytes_.lower_bound({round, PeerId{}, PeerId{}, Cause{}});
  std::vector<std::pair<Key, Bytes>> moved;
  for (auto it = first; it != bytes_.end() && std::get<0>(it->first) == round;) {
    if (std::get<3>(it->first) == Cause::kPayload) {
      moved.emplace_back(*it);
      it = bytes_.erase(it);
    } else {
      ++it;
    }
  }
  for (auto& [key, bytes] : moved) {
    std::get<3>(key) = Cause::kAborted;
    bytes_[key] += bytes;
    totals_[static_cast<std::size_t>(Cause::kPayload)] -= bytes;
    totals_[static_cast<std::size_t>(Cause::kAborted)] += bytes;
  }
}

Bytes Ledger::total(Cause cause) const {
  const std::lock_guard lock(mutex_);
  return totals_[static_cast<std::size_t>(cause)];
}

Bytes Ledger::total(Cause cause, std::int64_t round) const {
  const std::lock_guard lock(mutex_);
  Bytes sum = 0;
  for (auto it = bytes_.lower_bound({round, PeerId{}, PeerId{}, Cause{}});
       it != bytes_.end() && std::get<0>(it->first) == round; ++it) {
    if (std::get<3>(it->first) == cause) sum += it->second;
  }
  return sum;
}

Bytes Ledger::total() const {
  const std::lock_guard lock(mutex_);
  return std::accumulate(totals_.begin(), totals_.end(), Bytes{0});
}

std::vector<Ledger::Row> Ledger::rows() const {
  const std::lock_guard lock(mutex_);
  std::vector<Row> rows;
  rows.reserve(bytes_.size());
  for (const auto& [key, bytes] : bytes_) {
    const auto& [round, from, to, cause] = key;
    rows.push_back({from, to, round, cause, bytes});
  }
  return rows;
}

}  // namespace strait
