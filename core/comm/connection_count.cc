#include "core/comm/connection_count.h"

#include <algorithm>
#include <utility>

#include "core/base/wide.h"

namespace strait {

namespace {

constexpr int kRoundTrips = 10;       // of a period: by then windows have opened up
constexpr int kLooks = 8;             // in a period
constexpr int kFirstRest = 30;        // periods
constexpr int kLongestRest = 600;     // likewise
constexpr Nanos kNear{1'000'000};     // a path that one connection fills
constexpr std::int64_t kGain = 104;   // %: a try that brings less is not worth it
constexpr std::int64_t kOther = 150;  // %: the path has changed
constexpr std::int64_t kQueue = 150;  // % of the least round trip: a queue stands

bool exceeds(std::int64_t value, std::int64_t percent, std::int64_t of) {
  return Wide{value} * 100 > Wide{of} * percent;
}

bool differ(std::int64_t a, std::int64_t b) {
  return exceeds(a, kOther, b) || exceeds(b, kOther, a);
}

}  // namespace

ConnectionCount::ConnectionCount(int most, Nanos shortest)
    : most_(most), shortest_(shortest), patience_(kFirstRest * shortest) {
  last_.used = 0;
}

Nanos ConnectionCount::period(const StreamFigures& figures) const {
  return std::max(shortest_, kRoundTrips * figures.least_rtt);
}

void ConnectionCount::look(const Look& look) {
  const Nanos whole = period(look.figures);
  const Nanos since = look.now - last_.now;
  // Nobody looks while an outage lasts; one says nothing about the connections.
  const bool follows = look.waited && look.used == last_.used && since <= 2 * whole;
  if (!follows) {
    begin(look);
  } else if (opening_up_ < whole) {
    opening_up_ += since;
  } else {
    period_.time += since;
    period_.acked += look.figures.acked - last_.figures.acked;
    period_.busy += look.figures.busy - last_.figures.busy;
    period_.held_up += look.figures.held_up - last_.figures.held_up;
  }
  if (follows) waited_until_ = look.now;
  next_look_ = look.now + whole / kLooks;
  last_ = look;
  if (period_.time >= whole && look.used == wanted_) judge();
}

/// What comes now does not follow what was before.
void ConnectionCount::begin(const Look& look) {
  if (look.used != last_.used) {
    period_ = {};
    before_ = 0;
    opening_up_ = {};
  }
  // A window that is not used shrinks.
  if (look.now - waited_until_ > period(look.figures) / 2) opening_up_ = {};
}

void ConnectionCount::judge() {
  const Period over = std::exchange(period_, {});
  const StreamFigures& figures = last_.figures;
  const auto rate =
      static_cast<std::int64_t>(Wide{over.acked} * kNanosPerSecond / over.time.count());
  const std::int64_t before = std::exchange(before_, rate);
  const bool windows = 2 * over.held_up > over.busy;
  const bool rises = before == 0 || exceeds(rate, kGain, before);
  const bool moves = !windows && (rises || exceeds(before, kOther, rate));
  if (wanted_ > kept_ ? !gained(rate, moves) : rests(over, rate)) return;
  const bool queue = exceeds(figures.rtt.count(), kQueue, figures.least_rtt.count());
  const bool takes = queue && !windows && last_.others_wait;
  if (moves || takes || figures.least_rtt < kNear || 2 * kept_ > most_) return;
  base_ = rate;
  wanted_ = 2 * kept_;
}

/// Whether what is tried is kept. As long as the goodput moves by itself that is open.
bool ConnectionCount::gained(std::int64_t rate, bool moves) {
  if (exceeds(rate, kGain, base_)) {
    kept_ = wanted_;
    usual_ = 0;
    return true;
  }
  if (moves) return false;
  // Data both ways, or losses in bursts, may need more than a few connections to gain by them.
  if (wanted_ == 2 * kept_ && 4 * kept_ <= most_) {
    wanted_ = 4 * kept_;
  } else {
    give_up();
  }
  return false;
}

/// Whether it is too early for another try.
bool ConnectionCount::rests(const Period& over, std::int64_t rate) {
  rest_ = std::max(Nanos{0}, rest_ - over.time);
  if (usual_ > 0) {
    smoothed_ += (rate - smoothed_) / 4;
    if (differ(smoothed_, usual_) || differ(last_.figures.least_rtt.count(), usual_rtt_.count())) {
      usual_ = 0;
      rest_ = {};
      patience_ = kFirstRest * shortest_;
    }
  }
  return rest_ > Nanos{0};
}

void ConnectionCount::give_up() {
  wanted_ = kept_;
  rest_ = patience_;
  patience_ = std::min(2 * patience_, kLongestRest * shortest_);
  usual_ = smoothed_ = base_;
  usual_rtt_ = last_.figures.least_rtt;
}

void ConnectionCount::lost() {
  if (wanted_ > kept_) give_up();
  last_ = {.used = 0};
  period_ = {};
  before_ = 0;
  opening_up_ = {};
}

}  // namespace strait
