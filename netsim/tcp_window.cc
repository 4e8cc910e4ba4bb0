#include "netsim/tcp_window.h"

#include <algorithm>

#include "core/base/check.h"
#include "netsim/wide.h"

namespace strait {

TcpWindow::TcpWindow(const TcpOptions& options, Bytes header, Nanos rtt)
    : rtt_(rtt),
      rto_(options.rto_min + rtt),
      mss_(options.mss),
      header_(header),
      idle_restart_(options.idle_restart && options.slow_start) {
  STRAIT_CHECK(options.mss > 0 && options.initial_segments > 0 && options.window_cap >= options.mss,
               "mss {}, {} initial segments, window cap {}", options.mss, options.initial_segments,
               options.window_cap);
  cap_ = on_wire(options.window_cap);
  initial_ = std::min(cap_, options.slow_start ? on_wire(options.initial_segments * mss_) : cap_);
  size_ = initial_;
}

Bytes TcpWindow::on_wire(Bytes payload) const {
  return payload + (payload + mss_ - 1) / mss_ * header_;
}

bool TcpWindow::carries(BytesPerSecond rate) const {
  if (unlimited()) return true;
  if (rate == kUnlimited) return false;
  return Wide{rate.value} * rtt_.count() <= Wide{size_} * kNanosPerSecond;
}

bool TcpWindow::settled(BytesPerSecond rate) const {
  if (unlimited() || size_ == cap_) return true;
  if (rate == kUnlimited) return false;
  return 2 * Wide{rate.value} * rtt_.count() <= Wide{size_} * kNanosPerSecond;
}

void TcpWindow::next_round(Bytes sent, Nanos time) {
  const Bytes in_round = sent - round_base_;
  if (size_ < cap_ && size_ < 2 * in_round) size_ = std::min(cap_, size_ + in_round);
  round_base_ = sent;
  round_start_ = time;
}

Nanos TcpWindow::start_of_round_at(Nanos time) const { return time - (time - round_start_) % rtt_; }

void TcpWindow::skip_rounds(Bytes sent, Nanos round_start) {
  round_base_ = sent;
  round_start_ = round_start;
}

// As tcp_cwnd_restart does it: nothing within one timeout, then one halving per timeout begun.
void TcpWindow::restart_after_idle(Nanos last_sent, Nanos now) {
  if (!idle_restart_) return;
  for (Nanos idle = now - last_sent - rto_; idle > Nanos{0} && size_ > initial_; idle -= rto_) {
    size_ = std::max(initial_, size_ / 2);
  }
}

void TcpWindow::set_rtt(Nanos rtt, Bytes sent, Nanos now) {
  if (unlimited()) {  // it had no rounds
    round_base_ = sent;
    round_start_ = now;
  }
  rto_ += rtt - rtt_;
  rtt_ = rtt;
  round_start_ = std::max(round_start_, now - rtt);
}

void TcpWindow::restart_after_timeout(Bytes sent, Nanos now) {
  size_ = initial_;
  round_base_ = sent;
  round_start_ = now;
}

}  // namespace strait
