#include "netsim/tcp/link_queue.h"

#include <algorithm>
#include <limits>

#include "core/base/check.h"
#include "core/base/wide.h"

namespace strait {
namespace {

constexpr std::int64_t kPartsOfByte = 1'000'000'000;
constexpr Wide kMostParts = Wide{std::numeric_limits<std::int64_t>::max()} << 32;

}  // namespace

void LinkQueue::State::flow(Nanos until, BytesPerSecond rate) {
  const Wide change = Wide{arriving_rate - rate.value} * (until - time).count();
  backlog = std::clamp<Wide>(backlog + change, 0, kMostParts);
  time = until;
}

void LinkQueue::advance(State& state, Nanos to) const {
  while (state.ended < arriving_.size() && arriving_[state.ended].end <= to) {
    const Arriving& ended = arriving_[state.ended++];
    state.flow(ended.end, rate_);
    state.arriving_rate -= ended.rate;
  }
  if (to > state.time) state.flow(to, rate_);
}

void LinkQueue::move_to(Nanos now) {
  if (now <= now_.time) return;
  advance(now_, now);
  if (2 * now_.ended < arriving_.size() || now_.ended == 0) return;
  arriving_.erase(arriving_.begin(), arriving_.begin() + static_cast<std::ptrdiff_t>(now_.ended));
  now_.ended = 0;
}

Bytes LinkQueue::backlog(Nanos now) {
  move_to(now);
  return static_cast<Bytes>(now_.backlog / kPartsOfByte);
}

void LinkQueue::set_rate(BytesPerSecond rate, Nanos now) {
  move_to(now);
  rate_ = rate;
  if (rate == kUnlimited) {
    now_ = {.time = now_.time};
    arriving_.clear();
  }
}

void LinkQueue::arrive(const Arriving& arriving) {
  const auto place = std::upper_bound(
      arriving_.begin() + static_cast<std::ptrdiff_t>(now_.ended), arriving_.end(), arriving,
      [](const Arriving& a, const Arriving& b) { return a.end < b.end; });
  arriving_.insert(place, arriving);
  now_.arriving_rate += arriving.rate;
}

Nanos LinkQueue::drain_time(Parts parts) const {
  return Nanos{
      static_cast<std::int64_t>(std::min<Wide>(quotient(parts + rate_.value - 1, rate_.value),
                                               std::numeric_limits<std::int64_t>::max() / 4))};
}

// Whether there could be no room for some segment, if all that is known arrives at its fastest.
bool LinkQueue::may_fill(const Passing& train) const {
  const Wide excess = std::max<std::int64_t>(0, now_.arriving_rate - rate_.value);
  const Wide peak =
      now_.backlog + excess * (train.last - train.first).count() + Wide{train.bytes} * kPartsOfByte;
  return peak > Wide{limit_} * kPartsOfByte;
}

Passing LinkQueue::pass(const Passing& train, std::vector<std::int32_t>& dropped) {
  STRAIT_CHECK(train.count > 0 && train.last >= train.first, "a train of {} segments in {} ns",
               train.count, (train.last - train.first).count());
  if (rate_ == kUnlimited) return train;
  move_to(train.first);
  if (may_fill(train)) return squeeze(train, dropped);
  const Bytes segment = train.bytes / train.count;
  const Parts before = now_.backlog;
  Passing leaves = train;
  if (train.last == train.first) {
    now_.backlog += Wide{train.bytes} * kPartsOfByte;
    leaves.first += drain_time(before + Wide{segment} * kPartsOfByte);
    leaves.last += drain_time(now_.backlog);
    return leaves;
  }
  now_.backlog += Wide{segment} * kPartsOfByte;
  leaves.first += drain_time(now_.backlog);
  const Wide rest = Wide{train.bytes - segment} * kPartsOfByte;
  arrive(
      {train.last, static_cast<std::int64_t>(quotient(rest, (train.last - train.first).count()))});
  State end = now_;
  advance(end, train.last);
  leaves.last += drain_time(std::max(end.backlog, Wide{segment} * kPartsOfByte));
  return leaves;
}

Passing LinkQueue::squeeze(const Passing& train, std::vector<std::int32_t>& dropped) {
  const Bytes segment = train.bytes / train.count;
  const Parts parts = Wide{segment} * kPartsOfByte;
  const Parts room = Wide{limit_} * kPartsOfByte;
  Passing leaves{};
  State state = now_;
  for (std::int64_t i = 0; i < train.count; ++i) {
    advance(state, train.first + part_of(train.last - train.first, i, train.count - 1));
    if (state.backlog + parts > room) {
      dropped.push_back(static_cast<std::int32_t>(i));
      continue;
    }
    state.backlog += parts;
    leaves.last = state.time + drain_time(state.backlog);
    if (leaves.count++ == 0) leaves.first = leaves.last;
  }
  if (leaves.count == 0) return leaves;
  leaves.bytes = train.bytes - segment * (train.count - leaves.count);
  if (train.last == train.first) {
    now_.backlog = state.backlog;
    return leaves;
  }
  now_.backlog += parts;
  const Wide rest = Wide{leaves.bytes - segment} * kPartsOfByte;
  arrive(
      {train.last, static_cast<std::int64_t>(quotient(rest, (train.last - train.first).count()))});
  return leaves;
}

}  // namespace strait
