#include "apps/lab/relay_link.h"

#include <algorithm>

namespace strait {
namespace {

Bytes bytes_in(Nanos time, BytesPerSecond rate) {
  return static_cast<Bytes>(static_cast<__int128>(rate.value) * time.count() / 1'000'000'000);
}

}  // namespace

std::optional<Nanos> RelayLink::offer(Nanos now, Bytes size) {
  if (!first_) first_ = now;
  if (is_down(now)) return std::nullopt;
  while (!queue_.empty() && queue_.front().departure <= now) {
    queued_ -= queue_.front().bytes;
    queue_.pop_front();
  }
  const Bytes bytes = size + kLinkHeader;
  counters_.came.add(bytes);
  if (queued_ + bytes > options_.queue) {
    counters_.dropped.add(bytes);
    return std::nullopt;
  }
  free_at_ = end_of(std::max(free_at_, now), bytes);
  queue_.push_back({free_at_, bytes});
  queued_ += bytes;
  if (options_.loses && options_.loses()) {
    counters_.lost.add(bytes);
    return std::nullopt;
  }
  return free_at_ + options_.delay;
}

bool RelayLink::is_down(Nanos now) const {
  if (!options_.outage) return false;
  const Nanos since = now - *first_ - options_.outage->start;
  return since >= Nanos{0} && since < options_.outage->duration;
}

Nanos RelayLink::end_of(Nanos start, Bytes bytes) const {
  const auto& rates = options_.rates;
  if (rates.empty()) return start + transfer_time(bytes, options_.rate);
  for (;;) {
    const Nanos offset = (start - *first_) % options_.period;
    const auto next = std::find_if(rates.begin(), rates.end(),
                                   [&](const auto& step) { return step.first > offset; });
    const BytesPerSecond rate = next == rates.begin() ? next->second : std::prev(next)->second;
    const Nanos stretch = (next == rates.end() ? options_.period : next->first) - offset;
    if (transfer_time(bytes, rate) <= stretch) return start + transfer_time(bytes, rate);
    bytes -= bytes_in(stretch, rate);
    start += stretch;
  }
}

}  // namespace strait
