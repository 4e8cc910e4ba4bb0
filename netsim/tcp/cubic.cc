#include "netsim/tcp/cubic.h"

#include <algorithm>

#include "core/base/wide.h"

namespace strait {
namespace {

// RFC 9438: C = 0.4 segments/s^3 and beta = 0.7, which Linux has as 717/1024.
constexpr std::int64_t kBeta = 717;
constexpr std::int64_t kBetaScale = 1024;

// Per window that Reno, after a decrease by beta, needs to gain one segment: (1 + beta) / (3 (1 -
// beta)), as eighths.
constexpr std::int64_t kRenoEighths = 8 * (kBetaScale + kBeta) / 3 / (kBetaScale - kBeta);

// Growth after a slow start that met no loss: at most 1 segment per 20.
constexpr std::int64_t kSlowest = 20;
constexpr std::int64_t kFastest = 2;

constexpr Nanos kLookAgain{32'000'000};

constexpr std::int64_t kMicrosPerSecond = 1'000'000;

}  // namespace

std::int64_t cube_root(__int128 value) {
  Wide root = 0;
  for (int bit = 40; bit >= 0; --bit) {
    const Wide tried = root | (Wide{1} << bit);
    if (tried * tried * tried <= value) root = tried;
  }
  return static_cast<std::int64_t>(root);
}

void Cubic::acknowledged(Window& window, const AckSample& sample) {
  std::int64_t delivered = sample.delivered;
  if (window.slow_start()) {
    const std::int64_t counted = hystart_.counted(window.size, sample);
    const bool leaves = hystart_.left();
    const std::int64_t grown =
        sample.window_limited ? std::min(counted, window.threshold - window.size) : 0;
    window.size += grown;
    if (leaves) window.threshold = std::min(window.threshold, window.size);
    delivered -= grown;
    if (window.slow_start()) return;
  }
  if (sample.window_limited && delivered > 0) grow(window, delivered, sample.last);
}

void Cubic::grow(Window& window, std::int64_t delivered, Nanos now) {
  reno_credit_ += delivered;
  // Linux looks at the clock again when the window has changed or after a while: with short round
  // trips, the window stands still for many of them.
  if (window.size != looked_window_ || now - looked_ >= kLookAgain) look(window, delivered, now);
  if (credit_ >= needed_) {  // saved while more was needed: it counts once
    credit_ = 0;
    ++window.size;
  }
  credit_ += delivered;
  window.size += credit_ / needed_;
  credit_ %= needed_;
}

void Cubic::start_epoch(const Window& window, std::int64_t delivered, Nanos now) {
  epoch_ = true;
  epoch_start_ = now;
  reno_credit_ = delivered;
  reno_ = window.size;
  if (last_max_ <= window.size) {
    to_origin_ = Nanos{0};
    origin_ = window.size;
    return;
  }
  // K = cbrt((last_max - window) / C), in microseconds.
  const Wide micros3 = Wide{last_max_ - window.size} * 10 / 4 * kMicrosPerSecond *
                       kMicrosPerSecond * kMicrosPerSecond;
  to_origin_ = Nanos{cube_root(micros3) * 1'000};
  origin_ = last_max_;
}

// How many segments have to arrive for the window to grow by one, so that it is on the curve one
// round trip from now, and not below Reno's.
void Cubic::look(const Window& window, std::int64_t delivered, Nanos now) {
  looked_ = now;
  looked_window_ = window.size;
  if (!epoch_) start_epoch(window, delivered, now);
  const Nanos ahead = hystart_.shortest() == kNever ? Nanos{0} : hystart_.shortest();
  const Wide micros = (now - epoch_start_ + ahead - to_origin_).count() / 1'000;
  const Wide change =
      micros * micros * micros * 4 / 10 / kMicrosPerSecond / kMicrosPerSecond / kMicrosPerSecond;
  const Wide target = origin_ + change;
  needed_ = 100 * window.size;
  if (target > window.size) {
    needed_ = static_cast<std::int64_t>(Wide{window.size} / (target - window.size));
  }
  if (last_max_ == 0) needed_ = std::min(needed_, kSlowest);

  const std::int64_t per_segment = std::max<std::int64_t>(1, window.size * kRenoEighths / 8);
  reno_ += reno_credit_ / per_segment;
  reno_credit_ %= per_segment;
  if (reno_ > window.size) needed_ = std::min(needed_, window.size / (reno_ - window.size));
  needed_ = std::max(needed_, kFastest);
}

std::int64_t Cubic::reduced(const Window& window) {
  epoch_ = false;
  last_max_ =
      window.size < last_max_ ? window.size * (kBetaScale + kBeta) / (2 * kBetaScale) : window.size;
  return std::max<std::int64_t>(2, window.size * kBeta / kBetaScale);
}

void Cubic::timed_out() {
  last_max_ = 0;
  epoch_ = false;
  hystart_.restart();
}

void Cubic::resumes(Nanos idle, Nanos now) {
  // The curve stands still while nothing is sent.
  if (epoch_ && idle > Nanos{0}) epoch_start_ = std::min(now, epoch_start_ + idle);
}

}  // namespace strait
