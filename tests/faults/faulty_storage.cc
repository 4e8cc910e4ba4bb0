#include "tests/faults/faulty_storage.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"

namespace strait {

std::size_t FaultyStorage::File::durable(Nanos now) const {
  const auto later = synced.upper_bound(now);
  return later == synced.begin() ? 0 : std::prev(later)->second;
}

void FaultyStorage::count() {
  ++writes_;
  if (told_) told_(writes_);
}

void FaultyStorage::append(const std::string& file, std::span<const std::byte> bytes) {
  count();
  files_[file].bytes.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Nanos FaultyStorage::sync(const std::string& file) {
  count();
  File& state = files_[file];
  const auto spread = static_cast<std::uint64_t>(longest_.count());
  const Nanos takes{static_cast<std::int64_t>(rng_.below(spread + 1))};
  Nanos then = loop_->now() + takes;
  // A later sync is not over before an earlier one.
  if (!state.synced.empty()) then = std::max(then, state.synced.rbegin()->first);
  state.synced[then] = state.bytes.size();
  return then - loop_->now();
}

std::optional<std::vector<std::byte>> FaultyStorage::read(const std::string& file) {
  const auto found = files_.find(file);
  if (found == files_.end()) return std::nullopt;
  const auto* first = reinterpret_cast<const std::byte*>(found->second.bytes.data());
  return std::vector<std::byte>(first, first + found->second.bytes.size());
}

void FaultyStorage::rename(const std::string& from, const std::string& to) {
  const auto found = files_.find(from);
  STRAIT_CHECK(found != files_.end(), "{} is renamed, but is not there", from);
  File moved = std::move(found->second);
  files_.erase(found);
  if (!moved.synced.empty()) {
    moved.synced = {{loop_->now(), moved.synced.rbegin()->second}};
  }
  files_[to] = std::move(moved);
}

void FaultyStorage::crash() {
  for (auto file = files_.begin(); file != files_.end();) {
    File& state = file->second;
    const std::size_t durable = state.durable(loop_->now());
    const std::size_t torn = durable + rng_.below(state.bytes.size() - durable + 1);
    if (torn == 0) {
      file = files_.erase(file);
      continue;
    }
    state.bytes.resize(torn);
    state.synced = {{loop_->now(), torn}};
    ++file;
  }
}

std::string FaultyStorage::durable(const std::string& file) const {
  const auto found = files_.find(file);
  if (found == files_.end()) return {};
  return found->second.bytes.substr(0, found->second.durable(loop_->now()));
}

}  // namespace strait
