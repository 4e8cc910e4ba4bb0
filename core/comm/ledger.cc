#include "core/comm/ledger.h"

#include <numeric>
#include <utility>

namespace strait {

std::string_view to_string(Cause cause) {
  constexpr std::array<std::string_view, kCauses> kNames{"payload",  "start",   "aborted",
                                                         "catch_up", "control", "framing"};
  return kNames[static_cast<std::size_t>(cause)];
}

void Ledger::add(PeerId from, PeerId to, const Attempt& attempt, Cause cause, Bytes bytes) {
  const std::lock_guard lock(mutex_);
  if (keeps_added_) added_[{attempt.round, from, to, cause, attempt.epoch}] += bytes;
  if (cause == Cause::kPayload && aborted_.contains(attempt)) cause = Cause::kAborted;
  bytes_[{attempt.round, from, to, cause, attempt.epoch}] += bytes;
  totals_[static_cast<std::size_t>(cause)] += bytes;
}

void Ledger::abort(const Attempt& attempt) {
  const std::lock_guard lock(mutex_);
  aborted_.insert(attempt);
  const auto first = bytes_.lower_bound({attempt.round, PeerId{}, PeerId{}, Cause{}, 0});
  std::vector<std::pair<Key, Bytes>> moved;
  for (auto it = first; it != bytes_.end() && std::get<0>(it->first) == attempt.round;) {
    const bool its =
        std::get<3>(it->first) == Cause::kPayload && std::get<4>(it->first) == attempt.epoch;
    if (its) {
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

std::vector<Ledger::Entry> Ledger::take_added() {
  const std::lock_guard lock(mutex_);
  const auto taken =
      keeps_added_ ? std::exchange(added_, {}) : std::map<Key, Bytes>(bytes_.begin(), bytes_.end());
  keeps_added_ = true;
  std::vector<Entry> entries;
  for (const auto& [key, bytes] : taken) {
    const auto& [round, from, to, cause, epoch] = key;
    entries.push_back({from, to, {round, epoch}, cause, bytes});
  }
  return entries;
}

Bytes Ledger::total(Cause cause) const {
  const std::lock_guard lock(mutex_);
  return totals_[static_cast<std::size_t>(cause)];
}

Bytes Ledger::total(Cause cause, std::int64_t round) const {
  const std::lock_guard lock(mutex_);
  Bytes sum = 0;
  for (auto it = bytes_.lower_bound({round, PeerId{}, PeerId{}, Cause{}, 0});
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
    const auto& [round, from, to, cause, epoch] = key;
    const Row row{from, to, round, cause, bytes};
    if (!rows.empty() && rows.back().same_but_bytes(row)) {
      rows.back().bytes += bytes;  // several attempts
    } else {
      rows.push_back(row);
    }
  }
  return rows;
}

}  // namespace strait
