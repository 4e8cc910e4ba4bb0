// TcpService: how fast long-lived TCP connections serve a queue of bytes that is now empty and now
// full, on a link of their own; what takes the place of bytes / rate in the papers' model.
//
// A transfer is simulated until it is steady, and goes on at its steady rate from there: model
// updates at hundreds of Gbit/s are billions of packets. Steady is that the link has been full
// (99.8 %) for ten round trips, which a queue of one bandwidth-delay product then keeps it; or that
// a window is at its cap. Where losses never let it be, the rate is the mean over the last two
// thirds of so many events. Pure; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "core/base/units.h"
#include "netsim/tcp_options.h"

namespace strait {

struct TcpPath {
  BytesPerSecond rate = kUnlimited;  // of the wire, both ways
  Nanos rtt{0};
  std::int64_t loss_ppm = 0;
  int connections = 1;  // with one queue: the next bytes go where there is room
  TcpOptions tcp{.window_cap = Bytes{1} << 40};  // no cap
};

/// From the first byte's offer on, when all bytes up to a place have left; straight lines between
/// what was measured. Seconds and bytes of payload.
class TransferCurve {
 public:
  struct Point {
    double bytes = 0, seconds = 0;
  };

  TransferCurve(std::vector<Point> points, double steady_rate);

  double seconds(double bytes) const;
  /// In how many bytes it has become steady, and bytes per second from there on.
  double simulated_bytes() const { return points_.back().bytes; }
  double steady_rate() const { return steady_rate_; }

 private:
  std::vector<Point> points_;
  double steady_rate_;
};

class TcpService {
 public:
  /// `most_events`: of the link model, per transfer.
  explicit TcpService(TcpPath path, std::int64_t most_events = 200'000)
      : path_(path), most_events_(most_events) {}

  const TcpPath& path() const { return path_; }

  /// The unit in which Linux counts how long a connection was idle: a retransmission timeout
  /// without anything queued. Each halves the window.
  Nanos idle_unit() const { return path_.rtt + path_.tcp.rto_min; }
  static constexpr int kLongIdle = 24;  // units, after which a window is what it was at first

  /// Of a transfer after so many units of idleness (1 or more), on connections that were steady
  /// before; it is kept.
  const TransferCurve& curve(int idle_units);

  /// By the model without shortcuts: when so many bytes have left, after that idleness.
  double simulated_seconds(int idle_units, Bytes bytes) const;

 private:
  TcpPath path_;
  std::int64_t most_events_;
  std::map<int, TransferCurve> curves_;
};

}  // namespace strait
