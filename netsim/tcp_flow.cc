#include "netsim/tcp_flow.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/base/wide.h"

namespace strait {

void TcpFlow::offer(Bytes payload) {
  STRAIT_CHECK(payload > 0, "an offer of {} bytes", payload);
  if (!has_backlog()) tail_room_ = 0;
  const Bytes beyond_tail = payload - std::min(payload, tail_room_);
  const Bytes segments = (beyond_tail + mss_ - 1) / mss_;
  tail_room_ += segments * mss_ - payload;
  payload_end_ += payload;
  end_ += payload + segments * header_;
  marks_.push_back({payload_end_, end_, payload, segments * header_, segments});
}

void TcpFlow::begin(Nanos now) {
  updated_ = now;
  const bool new_round = now >= window_.round_end() || window_.untouched(sent_);
  if (new_round) window_.next_round(sent_, now);
}

void TcpFlow::begin_after_timeout(Nanos now) {
  updated_ = now;
  window_.next_round(sent_, now);
}

void TcpFlow::set_rtt(Nanos rtt, Nanos now) {
  settle(now);
  window_.set_rtt(rtt, sent_, now);
}

void TcpFlow::set_rate(BytesPerSecond rate, Nanos now) {
  rate_ = rate;
  updated_ = now;
}

void TcpFlow::settle(Nanos now) {
  if (rate_.value == 0) {
    updated_ = now;
    return;
  }
  while (window_.round_end() <= now) {
    const Nanos end = window_.round_end();
    progress(end, std::min(end_, window_.end()));
    window_.next_round(sent_, end);
    if (!window_.carries(rate_)) continue;
    const Nanos start = window_.start_of_round_at(now);
    progress(start, end_);
    window_.next_round(sent_, start);
  }
  progress(now, std::min(end_, window_.end()));
}

void TcpFlow::progress(Nanos until, Bytes limit) {
  if (rate_ == kUnlimited) {
    sent_ = limit;
  } else {
    const Wide parts = Wide{rate_.value} * (until - updated_).count() + fraction_;
    const Wide whole = parts / kNanosPerSecond;
    fraction_ = static_cast<std::int64_t>(parts % kNanosPerSecond);
    sent_ = static_cast<Bytes>(std::min<Wide>(sent_ + whole, limit));
  }
  // A limit is a place where the flow waits; it does not arrive there with part of a byte more.
  if (sent_ == limit) fraction_ = 0;
  updated_ = until;
}

Nanos TcpFlow::time_of(Bytes position) const {
  if (rate_ == kUnlimited) return updated_;
  const Wide parts = Wide{position - sent_} * kNanosPerSecond - fraction_;
  const Wide wait = parts <= 0 ? 0 : (parts + rate_.value - 1) / rate_.value;
  return wait >= (kNever - updated_).count() ? kNever
                                             : updated_ + Nanos{static_cast<std::int64_t>(wait)};
}

Nanos TcpFlow::next_change() const {
  STRAIT_CHECK(!marks_.empty() && rate_.value > 0, "nothing to send, at {} bytes/s", rate_.value);
  const Bytes target = marks_.front().wire_end;
  if (window_.end() < target) {
    const Nanos blocked_at = time_of(window_.end());
    if (blocked_at < window_.round_end()) return blocked_at;
  }
  const Nanos departs_at = time_of(target);
  if (departs_at <= window_.round_end() || window_.carries(rate_)) return departs_at;
  return window_.round_end();  // a later round may use up its window: look again
}

std::optional<Mark> TcpFlow::take_departed() {
  if (marks_.empty() || marks_.front().wire_end > sent_) return std::nullopt;
  const Mark mark = marks_.pop_front();
  departed_ = mark.payload_end;
  return mark;
}

Mark TcpFlow::drop_backlog() {
  Mark partial;
  if (!marks_.empty()) {
    const Mark& front = marks_.front();
    const Bytes whole = front.payload + front.header;
    const Bytes left = sent_ - (front.wire_end - whole);
    partial.payload = static_cast<Bytes>(Wide{front.payload} * left / whole);
    partial.header = left - partial.payload;
  }
  marks_.clear();
  end_ = sent_;
  tail_room_ = 0;
  return partial;
}

}  // namespace strait
