#include "netsim/tcp_window.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/base/wide.h"

namespace strait {

TcpWindow::TcpWindow(const TcpOptions& options, Bytes header, Nanos rtt)
    : rtt_(rtt), rto_(options.rto_min + rtt), size_(options.window_cap) {
  STRAIT_CHECK(options.mss > 0 && options.window_cap >= options.mss, "mss {}, window cap {}",
               options.mss, options.window_cap);
  size_ += (size_ + options.mss - 1) / options.mss * header;
}

bool TcpWindow::carries(BytesPerSecond rate) const {
  if (unlimited()) return true;
  if (rate == kUnlimited) return false;
  return Wide{rate.value} * rtt_.count() <= Wide{size_} * kNanosPerSecond;
}

void TcpWindow::next_round(Bytes sent, Nanos time) {
  round_base_ = sent;
  round_start_ = time;
}

Nanos TcpWindow::start_of_round_at(Nanos time) const { return time - (time - round_start_) % rtt_; }

void TcpWindow::set_rtt(Nanos rtt, Bytes sent, Nanos now) {
  if (unlimited()) {  // it had no rounds
    round_base_ = sent;
    round_start_ = now;
  }
  rto_ += rtt - rtt_;
  rtt_ = rtt;
  round_start_ = std::max(round_start_, now - rtt);
}

}  // namespace strait
