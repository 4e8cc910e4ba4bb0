#include "netsim/tcp/receiver.h"

#include <algorithm>

namespace strait {

void Receiver::take(Run run) {
  if (run.first > next_) return beyond_.add(run);
  next_ = std::max(next_, run.end);
  while (!beyond_.empty() && beyond_.front().first <= next_) {
    next_ = std::max(next_, beyond_.front().end);
    beyond_.take_front(beyond_.front().count());
  }
}

void Receiver::open_up(std::int64_t count, std::int64_t in_order, Nanos now) {
  arrived_ += in_order;
  if (now - round_start_ >= rtt_) {
    if (arrived_ > most_) {
      const std::int64_t window = 2 * arrived_ + 16;
      limit_ = std::max(limit_, window + 2 * (window * (arrived_ - most_) / most_));
      most_ = arrived_;
    }
    arrived_ = 0;
    round_start_ = now;
  }
  const std::int64_t opening = std::min(count, (limit_ - opened_ + 1) / 2);
  if (opening <= 0) return;
  opened_ += 2 * opening;
  quick_ = std::max(quick_, opening);
}

Receiver::Answer Receiver::arrived(Run run, std::span<const std::int32_t> missing, Nanos now) {
  bool gap = !beyond_.empty() || !missing.empty() || run.first != next_;
  const std::int64_t count = run.count() - static_cast<std::int64_t>(missing.size());
  const std::int64_t before = next_;
  std::int64_t first = run.first;
  for (const std::int32_t place : missing) {
    if (run.first + place > first) take({first, run.first + place});
    first = run.first + place + 1;
  }
  if (run.end > first) take({first, run.end});
  gap = gap || !beyond_.empty();
  open_up(count, next_ - before, now);
  if (gap) {
    owed_ = 0;
    return {count, 0};
  }
  const std::int64_t quick = std::min(quick_, count);
  const std::int64_t place = quick > 0 || owed_ > 0 ? 0 : 1;
  quick_ -= quick;
  owed_ += count - quick;
  const std::int64_t acks = quick + owed_ / 2;
  owed_ %= 2;
  return {acks, place};
}

}  // namespace strait
