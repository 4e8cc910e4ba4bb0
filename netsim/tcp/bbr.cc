#include "netsim/tcp/bbr.h"

#include <algorithm>

#include "core/base/wide.h"

namespace strait {
namespace {

// Gains in 256ths.
constexpr std::int64_t kUnit = 256;
constexpr std::int64_t kHighGain = kUnit * 2885 / 1000 + 1;
constexpr std::int64_t kDrainGain = kUnit * 1000 / 2885;
constexpr std::int64_t kWindowGain = 2 * kUnit;
constexpr std::array<std::int64_t, 8> kCycle{kUnit * 5 / 4, kUnit * 3 / 4, kUnit, kUnit,
                                             kUnit,         kUnit,         kUnit, kUnit};

constexpr std::int64_t kRounds = 10;  // that a rate counts for
constexpr Nanos kShortestCounts{10'000'000'000};
constexpr Nanos kProbeRtt{200'000'000};
constexpr std::int64_t kLeastSegments = 4;
constexpr int kRoundsWithoutGrowth = 3;

constexpr std::int64_t kPerSecond = 1'000'000;  // a Rate is per so many seconds
constexpr std::int64_t kBurstsPerSecond = 1'000;

}  // namespace

Bbr::Bbr(std::int64_t initial_window, Nanos rtt, const Rng& rng)
    : rng_(rng), initial_window_(initial_window), shortest_(std::max(Nanos{1}, rtt)) {
  const Wide rate = Wide{initial_window} * kPerSecond * kNanosPerSecond / shortest_.count();
  pace_ = static_cast<Rate>(rate * kHighGain / kUnit * 99 / 100);
}

Bbr::Rate Bbr::rate() const { return best_[0].rate; }

std::int64_t Bbr::pacing_gain() const {
  switch (mode_) {
    case Mode::kStartup: return kHighGain;
    case Mode::kDrain: return kDrainGain;
    case Mode::kProbeBandwidth: return kCycle[static_cast<std::size_t>(phase_)];
    case Mode::kProbeRtt: return kUnit;
  }
  return kUnit;
}

std::int64_t Bbr::window_gain() const {
  switch (mode_) {
    case Mode::kStartup:
    case Mode::kDrain: return kHighGain;
    case Mode::kProbeBandwidth: return kWindowGain;
    case Mode::kProbeRtt: return kUnit;
  }
  return kUnit;
}

void Bbr::acknowledged(Window& window, const AckSample& sample) {
  if (!known_) {
    known_ = true;
    shortest_time_ = sample.first;
  }
  count_round(sample);
  measure_rate(sample);
  step_cycle(sample);
  check_full(sample);
  check_drained(sample);
  measure_rtt(window, sample);
  set_pace();
  set_window(window, sample);
}

void Bbr::count_round(const AckSample& sample) {
  round_starts_ = false;
  if (sample.rate_delivered <= 0 || sample.rate_prior_total < round_end_) return;
  round_end_ = sample.delivered_total;
  ++round_;
  round_starts_ = true;
  conserving_ = false;
}

void Bbr::measure_rate(const AckSample& sample) {
  if (sample.rate_delivered <= 0 || sample.rate_interval <= Nanos{0}) return;
  const auto measured = static_cast<Rate>(Wide{sample.rate_delivered} * kPerSecond *
                                          kNanosPerSecond / sample.rate_interval.count());
  if (!sample.application_limited || measured >= rate()) keep_best(measured);
}

// A running maximum over a window of rounds, with the second and third best of its later parts
// (Nichols' windowed filter).
void Bbr::keep_best(Rate measured) {
  const Candidate now{round_, measured};
  if (measured >= best_[0].rate || round_ - best_[2].round > kRounds) {
    best_.fill(now);
    return;
  }
  if (measured >= best_[1].rate) {
    best_[1] = best_[2] = now;
  } else if (measured >= best_[2].rate) {
    best_[2] = now;
  }
  const std::int64_t age = round_ - best_[0].round;
  if (age > kRounds) {
    best_[0] = best_[1];
    best_[1] = best_[2];
    best_[2] = now;
    if (round_ - best_[0].round > kRounds) {
      best_[0] = best_[1];
      best_[1] = best_[2];
      best_[2] = now;
    }
  } else if (best_[1].round == best_[0].round && age > kRounds / 4) {
    best_[2] = best_[1] = now;
  } else if (best_[2].round == best_[1].round && age > kRounds / 2) {
    best_[2] = now;
  }
}

std::int64_t Bbr::at_rate(Rate rate, std::int64_t gain) const {
  const Wide segments = Wide{rate} * shortest_.count() * gain / kUnit;
  const Wide whole = Wide{kPerSecond} * kNanosPerSecond;
  return static_cast<std::int64_t>((segments + whole - 1) / whole);
}

// Room for the bursts of sender and receiver, and an even number.
std::int64_t Bbr::budget(std::int64_t segments) const {
  const std::int64_t burst = std::clamp<std::int64_t>(pace_ / kPerSecond / kBurstsPerSecond, 2, 44);
  segments = (segments + 3 * burst + 1) / 2 * 2;
  if (mode_ == Mode::kProbeBandwidth && phase_ == 0) segments += 2;
  return segments;
}

void Bbr::start_cycle(Nanos now) {
  mode_ = Mode::kProbeBandwidth;
  // Any phase but the one that drains.
  phase_ = static_cast<int>(8 - rng_.below(7)) % 8;
  phase_start_ = now;
}

void Bbr::step_cycle(const AckSample& sample) {
  if (mode_ != Mode::kProbeBandwidth) return;
  bool next = sample.last - phase_start_ > shortest_;
  if (pacing_gain() > kUnit) {
    next = next && (sample.lost > 0 ||
                    sample.in_flight + sample.delivered >= budget(at_rate(rate(), pacing_gain())));
  } else if (pacing_gain() < kUnit) {
    next = next || sample.in_flight + sample.delivered <= budget(at_rate(rate(), kUnit));
  }
  if (!next) return;
  phase_ = (phase_ + 1) % 8;
  phase_start_ = sample.last;
}

void Bbr::check_full(const AckSample& sample) {
  if (full_ || !round_starts_ || sample.application_limited) return;
  if (rate() >= full_rate_ * 5 / 4) {
    full_rate_ = rate();
    rounds_without_growth_ = 0;
    return;
  }
  full_ = ++rounds_without_growth_ >= kRoundsWithoutGrowth;
}

void Bbr::check_drained(const AckSample& sample) {
  if (mode_ == Mode::kStartup && full_) mode_ = Mode::kDrain;
  if (mode_ == Mode::kDrain && sample.in_flight <= budget(at_rate(rate(), kUnit))) {
    start_cycle(sample.last);
  }
}

void Bbr::measure_rtt(Window& window, const AckSample& sample) {
  const bool expired = sample.last > shortest_time_ + kShortestCounts;
  const Nanos rtt = std::min(sample.rtt_first, sample.rtt_last);
  if (rtt != kNever && (rtt < shortest_ || expired)) {
    shortest_ = rtt;
    shortest_time_ = sample.last;
  }
  if (expired && !resumed_ && mode_ != Mode::kProbeRtt) {
    save(window);
    mode_ = Mode::kProbeRtt;
    probe_rtt_end_ = kNever;
  }
  if (mode_ == Mode::kProbeRtt) {
    if (probe_rtt_end_ == kNever && sample.in_flight <= kLeastSegments) {
      probe_rtt_end_ = sample.last + kProbeRtt;
      probe_rtt_round_ = false;
      round_end_ = sample.delivered_total;
    } else if (probe_rtt_end_ != kNever) {
      probe_rtt_round_ = probe_rtt_round_ || round_starts_;
      if (probe_rtt_round_ && sample.last > probe_rtt_end_) {
        shortest_time_ = sample.last;
        window.size = std::max(window.size, saved_window_);
        full_ ? start_cycle(sample.last) : void(mode_ = Mode::kStartup);
      }
    }
  }
  if (sample.delivered > 0) resumed_ = false;
}

void Bbr::set_pace() {
  if (rate() == 0) return;
  const auto pace = static_cast<Rate>(Wide{rate()} * pacing_gain() / kUnit * 99 / 100);
  if (full_ || pace > pace_) pace_ = std::max<Rate>(pace, 1);
}

void Bbr::save(const Window& window) {
  const bool settled = !was_recovering_ && mode_ != Mode::kProbeRtt;
  saved_window_ = settled ? window.size : std::max(saved_window_, window.size);
}

// In fast recovery: what arrives makes room for as much, for one round trip.
bool Bbr::recovers(Window& window, const AckSample& sample) {
  if (sample.lost > 0) window.size = std::max<std::int64_t>(1, window.size - sample.lost);
  const bool recovering = sample.in_recovery || sample.timed_out;
  if (sample.in_recovery && !was_recovering_) {
    conserving_ = true;
    round_end_ = sample.delivered_total;
    window.size = sample.in_flight + sample.delivered;
  } else if (!recovering && was_recovering_) {
    window.size = std::max(window.size, saved_window_);
    conserving_ = false;
  }
  was_recovering_ = recovering;
  if (!conserving_) return false;
  window.size = std::max(window.size, sample.in_flight + sample.delivered);
  return true;
}

void Bbr::set_window(Window& window, const AckSample& sample) {
  if (sample.delivered > 0 && !recovers(window, sample)) {
    const std::int64_t target =
        rate() == 0 ? initial_window_ : budget(at_rate(rate(), window_gain()));
    if (full_) {
      window.size = std::min(window.size + sample.delivered, target);
    } else if (window.size < target || sample.delivered_total < initial_window_) {
      window.size += sample.delivered;
    }
    window.size = std::max(window.size, kLeastSegments);
  }
  if (mode_ == Mode::kProbeRtt) window.size = std::min(window.size, kLeastSegments);
}

std::int64_t Bbr::reduced(const Window& window) {
  save(window);
  return window.threshold;
}

void Bbr::timed_out() {
  was_recovering_ = true;
  full_rate_ = 0;
  round_starts_ = true;
}

void Bbr::resumes(Nanos, Nanos) {
  resumed_ = true;
  if (mode_ == Mode::kProbeBandwidth && rate() > 0) {
    pace_ = static_cast<Rate>(Wide{rate()} * 99 / 100);
  }
}

}  // namespace strait
