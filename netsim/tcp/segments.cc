#include "netsim/tcp/segments.h"

#include <algorithm>

namespace strait {

void Segments::add(Bytes payload, std::int64_t sent) {
  payload_ += payload;
  const Bytes missing = short_.empty() ? forgotten_ : short_.back().missing;
  const bool open = count_ > sent && !short_.empty() && short_.back().segment == count_ - 1;
  if (open) {
    const Bytes before = short_.size() > 1 ? short_[short_.size() - 2].missing : forgotten_;
    const Bytes filled = std::min(payload, missing - before);
    payload -= filled;
    if (filled == missing - before) {
      short_.pop_back();
    } else {
      short_.back().missing -= filled;
    }
    if (payload == 0) return;
  }
  const Bytes so_far = short_.empty() ? forgotten_ : short_.back().missing;
  const std::int64_t more = (payload + full_ - 1) / full_;
  count_ += more;
  if (more * full_ > payload) short_.push_back({count_ - 1, so_far + more * full_ - payload});
}

Bytes Segments::before(std::int64_t segment) const {
  // The last short segment before it.
  std::size_t low = 0, high = short_.size();
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    short_[middle].segment < segment ? low = middle + 1 : high = middle;
  }
  return segment * full_ - (low == 0 ? forgotten_ : short_[low - 1].missing);
}

void Segments::forget(std::int64_t segment) {
  while (!short_.empty() && short_.front().segment < segment) {
    forgotten_ = short_.pop_front().missing;
  }
}

}  // namespace strait
