#include "netsim/tcp/sender.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/base/wide.h"
#include "netsim/tcp/receiver.h"

namespace strait {
namespace {

constexpr std::int64_t kEnoughFollow = 3;  // RFC 8985: then what is missing is lost
constexpr Nanos kLeastTimer{10'000'000};   // Linux: two ticks, and one begun, of 4 ms
constexpr std::int64_t kMicrosegment = 1'000'000;
constexpr std::int64_t kTrainsPerWindow = 8;
// Of small windows: three quarters, but no more than 20 segments, of a window that is clocked by
// acknowledgements, and 4 of a paced one. Held against the kernel's cases, that is as good as 4 of
// any, and costs a quarter less. On slow lines, long trains would fill the queue before their time.
constexpr std::int64_t kLongTrain = 20;
constexpr std::int64_t kShortTrain = 4;
constexpr Nanos kLongestTrain{200'000'000};

std::int64_t ceil_div(Wide a, std::int64_t b) { return static_cast<std::int64_t>((a + b - 1) / b); }

}  // namespace

Sender::Sender(const TcpOptions& options, Nanos rtt, const Rng& rng, Nanos now)
    : options_(options),
      window_cap_(std::max<std::int64_t>(1, options.window_cap / options.mss)),
      receive_window_(options.tuned_receive_window ? Receiver::kFirstWindow : window_cap_),
      congestion_(make_congestion(options.congestion, options.initial_segments, rtt, rng)),
      delivered_time_(now),
      first_sent_(now),
      used_up_(now),
      last_sent_(now),
      next_paced_(now) {
  window_.size = options.initial_segments;
  measure(rtt, 1);
}

void Sender::offer(std::int64_t end, Nanos now) {
  STRAIT_CHECK(end >= offered_, "segments up to {} after {}", end, offered_);
  if (end > offered_ && !has_unsent() && in_flight_ == 0) resume_after_idle(now);
  offered_ = end;
}

// Linux: tcp_slow_start_after_idle_check, tcp_cwnd_restart.
void Sender::resume_after_idle(Nanos now) {
  const Nanos idle = now - last_sent_;
  if (next_ > 0 && idle > Nanos{0}) congestion_->resumes(idle, now);
  first_sent_ = delivered_time_ = now;
  if (!options_.idle_restart || congestion_->owns_window() || idle <= rto_) return;
  window_.threshold = std::max(window_.threshold, window_.size * 3 / 4);
  const std::int64_t least = std::min(options_.initial_segments, window_.size);
  for (Nanos rest = idle - rto_; rest > Nanos{0} && window_.size > least; rest -= rto_) {
    window_.size /= 2;
  }
  window_.size = std::max(window_.size, least);
  used_up_ = now;
  window_used_ = 0;
}

// --- acknowledgements ---

void Sender::acknowledged(const Acknowledgements& acks, std::span<const Report> reports) {
  Heard heard;
  AckSample sample{.first = acks.first, .last = acks.last, .acks = acks.count};
  heard.advanced = acks.acknowledged > acknowledged_;
  for (const Report& report : reports) hear(report, heard, sample, acks);
  if (options_.tuned_receive_window && acks.acknowledged >= acknowledged_) {
    receive_window_ = std::max(receive_window_, acks.window);
  }
  acknowledged_ = std::max(acknowledged_, acks.acknowledged);
  delivered_ += heard.delivered;
  if (heard.delivered > 0) delivered_time_ = acks.last;
  if (application_limited_ != 0 && delivered_ > application_limited_) application_limited_ = 0;
  if (sample.rtt_last != kNever) {
    measure(sample.rtt_first, acks.count);
    if (acks.count > 1) measure(sample.rtt_last, acks.count);
  }
  if (heard.advanced || heard.delivered > 0) {
    backoff_ = 0;
    rto_ = rto_base_;
  }

  std::int64_t counts = heard.delivered;
  if (!suspects_.empty()) {
    const bool certain = state_ != State::kOpen || after_suspects_ >= kEnoughFollow;
    if (certain) {
      // In recovery counts what arrives from the third segment on that follows.
      if (state_ == State::kOpen) {
        counts = std::max<std::int64_t>(1, std::min(counts, after_suspects_ - kEnoughFollow + 1));
      }
      heard.lost += declare_lost();
    } else if (suspect_timer_ == kNever) {
      suspect_timer_ = acks.last + shortest_rtt_ / 4 + kLeastTimer;
    }
  }
  sample.lost = heard.lost;

  const bool was_open = state_ == State::kOpen;
  if (state_ != State::kOpen && acknowledged_ >= recovery_end_) leave_recovery();
  if (heard.lost > 0 && state_ == State::kOpen) enter_recovery(acks.last);

  sample.delivered = state_ == State::kRecovery ? counts : heard.delivered;
  sample.next = next_;
  sample.offered = offered_;
  sample.acknowledged = acknowledged_;
  sample.in_flight = in_flight_;
  sample.delivered_total = delivered_;
  sample.window_limited =
      window_limited_ || (window_.slow_start() && window_.size < 2 * most_in_flight_);
  sample.in_recovery = state_ == State::kRecovery;
  sample.timed_out = state_ == State::kTimedOut;
  if (congestion_->owns_window()) {
    if (heard.delivered > 0 || heard.lost > 0) congestion_->acknowledged(window_, sample);
  } else if (state_ == State::kRecovery) {
    if (!was_open || heard.lost > 0) {
      reduce_proportionally(counts, heard.lost, heard.advanced);
    }
  } else if (heard.delivered > 0) {
    congestion_->acknowledged(window_, sample);
  }
  if (in_flight_ == 0 && suspects_.empty()) rto_timer_ = kNever;
  probed_ = probed_ && acknowledged_ < next_;
  STRAIT_CHECK(in_flight_ > 0 || !lost_.empty() || !suspects_.empty() || acknowledged_ == next_,
               "nothing is under way or lost, but {} of {} segments", acknowledged_, next_);
  if (heard.delivered > 0) arm(acks.last);
}

void Sender::hear(const Report& report, Heard& heard, AckSample& sample,
                  const Acknowledgements& acks) {
  while (!sent_.empty() && first_number_ < report.number) {
    missing(sent_.pop_front().segments);
    ++first_number_;
  }
  if (!sent_.empty() && first_number_ == report.number) {
    const Sent sent = sent_.pop_front();
    ++first_number_;
    take_record(sent, report, heard, sample, acks);
    return;
  }
  // It was given up by a timeout.
  const std::int64_t before = lost_.count();
  need_not_be_sent(report);
  heard.delivered += before - lost_.count();
}

// What arrived, although it was held for lost.
void Sender::need_not_be_sent(const Report& report) {
  std::int64_t at = 0;
  for (const std::int32_t place : report.missing) {
    lost_.remove({report.segments.first + at, report.segments.first + place});
    at = place + 1;
  }
  lost_.remove({report.segments.first + at, report.segments.end});
}

void Sender::take_record(const Sent& sent, const Report& report, Heard& heard, AckSample& sample,
                         const Acknowledgements& acks) {
  const std::int64_t count = sent.segments.count();
  const auto gone = static_cast<std::int64_t>(report.missing.size());
  const std::int64_t delivered = count - gone;
  if (!suspects_.empty()) after_suspects_ += delivered;
  if (gone > 0 && suspects_.empty()) {
    after_suspects_ = count - report.missing.front() - gone;
  }
  for (std::size_t i = 0; i < report.missing.size();) {
    std::size_t end = i + 1;
    while (end < report.missing.size() && report.missing[end] == report.missing[end - 1] + 1) ++end;
    const std::int64_t first = sent.segments.first + report.missing[i];
    missing({first, first + static_cast<std::int64_t>(end - i)});
    i = end;
  }
  heard.delivered += delivered;
  in_flight_ -= delivered;
  if (delivered == 0) return;
  if (sent.again) need_not_be_sent(report);
  if (!sent.again) {
    if (sample.rtt_first == kNever) sample.rtt_first = acks.first - sent.first;
    sample.rtt_last = std::max(Nanos{1}, acks.last - sent.last);
    sample.rtt_first = std::max(Nanos{1}, sample.rtt_first);
  }
  // The newest transmission gives the rate.
  const std::int64_t total = delivered_ + heard.delivered;
  const Nanos send_time = sent.last - sent.first_sent;
  const Nanos ack_time = acks.last - sent.delivered_time;
  first_sent_ = sent.last;
  sample.rate_delivered = total - sent.delivered;
  sample.rate_interval = std::max(send_time, ack_time);
  sample.rate_prior_total = sent.delivered;
  sample.application_limited = sent.application_limited;
  if (sample.rate_interval < shortest_rtt_) sample.rate_delivered = 0;
}

void Sender::missing(Run run) {
  suspects_.add(run);
  suspected_ += run.count();
}

std::int64_t Sender::declare_lost() {
  const std::int64_t count = suspects_.count();
  while (!suspects_.empty()) lost_.add(suspects_.take_front(suspects_.front().count()));
  in_flight_ -= std::exchange(suspected_, 0);
  after_suspects_ = 0;
  suspect_timer_ = kNever;
  return count;
}

void Sender::enter_recovery(Nanos) {
  state_ = State::kRecovery;
  recovery_end_ = next_;
  before_recovery_ = window_.size;
  window_.threshold = congestion_->reduced(window_);
  recovery_delivered_ = recovery_sent_ = 0;
  retransmit_now_ = true;
}

void Sender::reduce_proportionally(std::int64_t delivered, std::int64_t lost, bool advanced) {
  recovery_delivered_ += delivered;
  std::int64_t more = 0;
  if (in_flight_ > window_.threshold) {
    more =
        ceil_div(Wide{window_.threshold} * recovery_delivered_, before_recovery_) - recovery_sent_;
  } else {
    more = std::max(recovery_delivered_ - recovery_sent_, delivered);
    if (advanced && lost == 0) more += 1;
    more = std::min(more, window_.threshold - in_flight_);
  }
  more = std::max<std::int64_t>(more, retransmit_now_ ? 1 : 0);
  window_.size = in_flight_ + more;
}

void Sender::leave_recovery() {
  if (state_ == State::kRecovery && !congestion_->owns_window()) window_.size = window_.threshold;
  state_ = State::kOpen;
  retransmit_now_ = false;
}

// RFC 6298 with the least variation of Linux; `acks` samples of the same.
void Sender::measure(Nanos rtt, std::int64_t acks) {
  shortest_rtt_ = std::min(shortest_rtt_, rtt);
  if (srtt_ == Nanos{0}) {
    srtt_ = rtt;
    rtt_variation_ = rtt / 2;
  } else {
    for (std::int64_t i = 0; i < std::min<std::int64_t>(acks, 16); ++i) {
      const Nanos off = rtt > srtt_ ? rtt - srtt_ : srtt_ - rtt;
      rtt_variation_ += (off - rtt_variation_) / 4;
      srtt_ += (rtt - srtt_) / 8;
    }
  }
  rto_base_ = std::min(options_.rto_max, srtt_ + std::max(options_.rto_min, 4 * rtt_variation_));
  if (backoff_ == 0) rto_ = rto_base_;
}

// --- timers ---

// RFC 8985, 7.2: a probe after two round trips, before the timeout.
void Sender::arm(Nanos now) {
  if (in_flight_ == 0 && lost_.empty()) {
    rto_timer_ = kNever;
    return;
  }
  probing_ = state_ == State::kOpen && !probed_ && suspects_.empty() && in_flight_ > 0;
  if (!probing_) {
    rto_timer_ = now + rto_;
    return;
  }
  const Nanos wait = 2 * srtt_ + (in_flight_ == 1 ? options_.rto_min : kLeastTimer);
  rto_timer_ = now + std::min(wait, rto_);
}

Nanos Sender::timer() const {
  Nanos time = std::min(suspect_timer_, rto_timer_);
  if (congestion_->pace() > 0 && next_ >= options_.initial_segments &&
      std::min(window_.size - in_flight_, at_hand()) > 0) {
    time = std::min(time, next_paced_);
  }
  return time;
}

void Sender::on_timer(Nanos now) {
  if (suspect_timer_ <= now) {
    declare_lost();
    if (state_ == State::kOpen) enter_recovery(now);
    if (!congestion_->owns_window()) reduce_proportionally(0, 1, false);
    arm(now);
  }
  if (rto_timer_ <= now) probing_ ? probe(now) : time_out(now);
}

void Sender::probe(Nanos now) {
  probing_ = false;
  probed_ = true;
  probe_due_ = true;
  rto_timer_ = now + rto_;
}

void Sender::time_out(Nanos now) {
  ++timeouts_;
  // Everything that is under way is lost.
  for (; !sent_.empty(); ++first_number_) missing(sent_.pop_front().segments);
  declare_lost();
  STRAIT_CHECK(in_flight_ == 0, "{} segments are under way after a timeout", in_flight_);
  // Once for what was sent before (Linux, tcp_enter_loss).
  if (state_ == State::kOpen || acknowledged_ >= recovery_end_ ||
      (state_ == State::kTimedOut && backoff_ == 0)) {
    window_.threshold = congestion_->reduced(window_);
  }
  congestion_->timed_out();
  state_ = State::kTimedOut;
  recovery_end_ = next_;
  window_.size = 1;
  probed_ = false;
  ++backoff_;
  rto_ = std::min(options_.rto_max, 2 * rto_);
  rto_timer_ = now + rto_;
  probing_ = false;
  next_paced_ = now;
}

// --- sending ---

// What is there to be sent and fits the buffers.
std::int64_t Sender::at_hand() const {
  const std::int64_t room = acknowledged_ + std::min(window_cap_, receive_window_) - next_;
  return lost_.count() + std::max<std::int64_t>(0, std::min(room, offered_ - next_));
}

// Segments that one train may have.
std::int64_t Sender::train_limit() const {
  const std::int64_t clocked = std::clamp(window_.size * 3 / 4, kShortTrain, kLongTrain);
  const std::int64_t small = congestion_->owns_window() ? kShortTrain : clocked;
  const Wide in_time = quotient(Wide{window_.size} * kLongestTrain.count(), srtt_.count());
  return std::max({std::int64_t{1}, static_cast<std::int64_t>(std::min<Wide>(small, in_time)),
                   window_.size / kTrainsPerWindow});
}

void Sender::send(Nanos first, Nanos last, std::vector<Transmission>& out) {
  // Linux does not pace a connection's first segments.
  const std::int64_t pace = next_ < options_.initial_segments ? 0 : congestion_->pace();
  const bool waits = pace > 0 && first < next_paced_;
  std::int64_t budget = waits ? 0 : std::min(window_.size - in_flight_, at_hand());
  if (pace > 0) {
    const auto burst = static_cast<std::int64_t>(Wide{pace} * srtt_.count() / kTrainsPerWindow /
                                                 kMicrosegment / kNanosPerSecond);
    budget = std::min(budget, std::max<std::int64_t>(2, burst));
    last = first + Nanos{static_cast<std::int64_t>(Wide{std::max<std::int64_t>(0, budget - 1)} *
                                                   kMicrosegment * kNanosPerSecond / pace)};
  }
  const std::int64_t total = std::max<std::int64_t>(0, budget);
  const std::int64_t again = std::min(total, lost_.count());
  const std::int64_t fresh = total - again;
  if (total == 0 && probe_due_) {
    // The last segment again, or a new one.
    if (next_ < offered_ && at_hand() > lost_.count()) {
      emit({next_, next_ + 1}, false, first, first, out);
    } else if (next_ > acknowledged_) {
      emit({next_ - 1, next_}, true, first, first, out);
    }
  }
  probe_due_ = false;

  std::int64_t done = 0;
  const std::int64_t most = train_limit();
  const auto place = [&](std::int64_t k) { return first + part_of(last - first, k, total - 1); };
  for (std::int64_t left = again; left > 0;) {
    const Run run = lost_.take_front(std::min(left, most));
    emit(run, true, place(done), place(done + run.count() - 1), out);
    done += run.count();
    left -= run.count();
  }
  for (std::int64_t left = fresh; left > 0;) {
    const std::int64_t count = std::min(left, most);
    emit({next_, next_ + count}, false, place(done), place(done + count - 1), out);
    done += count;
    left -= count;
  }
  if (total > 0 && pace > 0) {
    next_paced_ =
        std::max(next_paced_, first) +
        Nanos{static_cast<std::int64_t>(Wide{total} * kMicrosegment * kNanosPerSecond / pace)};
  }
  const bool limited = in_flight_ >= window_.size;
  if (next_ == offered_ && lost_.empty() && in_flight_ < window_.size) {
    application_limited_ = std::max<std::int64_t>(1, delivered_ + in_flight_);
  }
  if (total > 0 || limited) validate_window(first, limited);
  note_use(first);
}

Sender::Use Sender::use(Nanos now) const {
  const Nanos since = std::max(Nanos{0}, now - used_until_);
  return {use_.busy + (busy_ ? since : Nanos{0}), use_.held_up + (held_up_ ? since : Nanos{0})};
}

// Linux: tcp_chrono_start, tcp_chrono_stop.
void Sender::note_use(Nanos now) {
  use_ = use(now);
  used_until_ = now;
  busy_ = in_flight_ > 0 || has_unsent();
  held_up_ = next_ < offered_ && at_hand() == 0 && in_flight_ < window_.size;
}

void Sender::emit(Run run, bool again, Nanos first, Nanos last, std::vector<Transmission>& out) {
  const std::uint64_t number = first_number_ + sent_.size();
  if (in_flight_ == 0) {
    first_sent_ = first;
    delivered_time_ = first;
  }
  sent_.push_back({.segments = run,
                   .first = first,
                   .last = last,
                   .again = again,
                   .application_limited = application_limited_ != 0,
                   .delivered = delivered_,
                   .delivered_time = delivered_time_,
                   .first_sent = first_sent_});
  const bool idle = in_flight_ == 0;
  in_flight_ += run.count();
  if (state_ == State::kRecovery) recovery_sent_ += run.count();
  if (again) {
    sent_again_ += run.count();
    retransmit_now_ = false;
  } else {
    next_ = run.end;
  }
  last_sent_ = last;
  if (!again || idle || rto_timer_ == kNever) {
    if (rto_timer_ == kNever || (!again && state_ == State::kOpen)) arm(last);
  }
  out.push_back({number, run, first, last, again});
}

// Linux: tcp_cwnd_validate, tcp_cwnd_application_limited.
void Sender::validate_window(Nanos now, bool limited) {
  if (acknowledged_ >= usage_end_ || limited ||
      (!window_limited_ && in_flight_ > most_in_flight_)) {
    window_limited_ = limited;
    most_in_flight_ = in_flight_;
    usage_end_ = next_;
  }
  if (window_limited_ || (window_.slow_start() && window_.size < 2 * most_in_flight_)) {
    window_used_ = 0;
    used_up_ = now;
    return;
  }
  window_used_ = std::max(window_used_, in_flight_);
  if (!options_.idle_restart || congestion_->owns_window() || now - used_up_ < rto_) return;
  if (state_ == State::kOpen && next_ == offered_) {
    const std::int64_t used = std::max(window_used_, options_.initial_segments);
    if (used < window_.size) {
      window_.threshold = std::max(window_.threshold, window_.size * 3 / 4);
      window_.size = (window_.size + used) / 2;
    }
    window_used_ = 0;
  }
  used_up_ = now;
}

}  // namespace strait
