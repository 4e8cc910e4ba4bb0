#include "netsim/tcp/hystart.h"

#include <algorithm>

namespace strait {
namespace {

constexpr std::int64_t kWatchedFrom = 16;
constexpr Nanos kClosely{2'000'000};
constexpr Nanos kBurst{1'000'000};  // an acknowledgement may be late by such a burst
constexpr int kMeasurements = 8;
constexpr Nanos kLeastRise{4'000'000};
constexpr Nanos kMostRise{16'000'000};

Nanos between(Nanos first, Nanos last, std::int64_t part, std::int64_t whole) {
  return first + part_of(last - first, part, whole);
}

}  // namespace

std::int64_t HyStart::counted(std::int64_t window, const AckSample& sample) {
  left_ = false;
  if (sample.rtt_first == kNever || sample.acks == 0) return sample.delivered;
  const std::int64_t acks = sample.acks;
  const std::int64_t last = std::max<std::int64_t>(1, acks - 1);
  for (std::int64_t i = 0; i < acks; ++i) {
    const std::int64_t delivered = sample.delivered * (i + 1) / acks;
    // A segment that arrived lets two be sent, but this one's are not sent yet.
    const std::int64_t before = sample.delivered * i / acks;
    const Ack ack{.time = between(sample.first, sample.last, i, last),
                  .rtt = between(sample.rtt_first, sample.rtt_last, i, last),
                  .acknowledged = sample.acknowledged - sample.delivered + delivered,
                  .next = std::min(sample.next + 2 * before, sample.offered)};
    shortest_ = std::min(shortest_, ack.rtt);
    follow(ack);
    left_ = window + delivered >= kWatchedFrom && leaves(ack);
    if (left_) return delivered;
  }
  return sample.delivered;
}

void HyStart::follow(const Ack& ack) {
  if (ack.acknowledged <= round_end_) return;
  round_start_ = last_close_ = ack.time;
  round_end_ = ack.next;
  round_shortest_ = kNever;
  measured_ = 0;
}

bool HyStart::leaves(const Ack& ack) {
  if (ack.time - last_close_ <= kClosely) {
    last_close_ = ack.time;
    if (ack.time - round_start_ > (shortest_ + kBurst) / 2) return true;
  }
  round_shortest_ = std::min(round_shortest_, ack.rtt);
  if (measured_ < kMeasurements) {
    ++measured_;
    return false;
  }
  return round_shortest_ > shortest_ + std::clamp(shortest_ / 8, kLeastRise, kMostRise);
}

}  // namespace strait
