#include "apps/papers/tcp_link.h"

#include <algorithm>

namespace strait {

double TcpLink::arrives(double now_s, double bits) {
  const double idle = now_s - free_s_, unit = seconds(service_.idle_unit());
  if (transfer_ == nullptr || idle >= unit) {
    const bool long_idle = transfer_ == nullptr || service_.path().loss_ppm > 0 ||
                           idle >= unit * TcpService::kLongIdle;
    transfer_ = &service_.curve(long_idle ? TcpService::kLongIdle : static_cast<int>(idle / unit));
    begin_s_ = now_s;
    bytes_ = 0;
  } else {
    begin_s_ += std::max(0.0, idle);
  }
  bytes_ += bits / 8;
  free_s_ = begin_s_ + transfer_->seconds(bytes_);
  return free_s_ + seconds(service_.path().rtt) / 2;
}

}  // namespace strait
