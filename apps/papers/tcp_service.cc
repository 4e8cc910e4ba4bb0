#include "apps/papers/tcp_service.h"

#include <algorithm>
#include <optional>

#include "core/base/check.h"
#include "core/base/wide.h"
#include "netsim/lone_traffic.h"

namespace strait {
namespace {

constexpr double kSteady = 0.998;
constexpr double kSteadyRoundTrips = 10, kCappedRoundTrips = 60;
constexpr double kGrowth = 0.05;  // each message ends that much further than the one before

/// Connections over one link there and one back, and transfers over them one after the other.
class Site {
 public:
  explicit Site(const TcpPath& path)
      : path_(path),
        traffic_(path.tcp),
        product_(static_cast<Bytes>(Wide{path.rate.value} * path.rtt.count() / kNanosPerSecond)),
        flows_(static_cast<std::size_t>(path.connections)) {
    const Bytes queue = std::max(product_, 64 * (path.tcp.mss + path.tcp.header));
    const Nanos delay = path.rtt / 2;
    const LinkId there =
        traffic_.links().add_link({path.rate, delay, path.loss_ppm, "there", queue});
    const LinkId back = traffic_.links().add_link({path.rate, delay, 0, "back", queue});
    for (std::size_t i = 0; i < flows_.size(); ++i) traffic_.connect({&there, 1}, {&back, 1});
    traffic_.run([&] {
      for (std::size_t i = 0; i < flows_.size(); ++i) {
        if (!traffic_.opened(i)) return false;
      }
      return true;
    });
  }

  /// Until it is steady, or has taken so many events; or, if that is said, until `bytes` have left.
  TransferCurve transfer(std::int64_t most_events, std::optional<Bytes> bytes = {}) {
    begin_ = traffic_.now();
    for (std::size_t i = 0; i < flows_.size(); ++i) {
      flows_[i] = {.arrivals_before = traffic_.arrivals(i).size(),
                   .departed_before = traffic_.departed(i)};
    }
    std::vector<TransferCurve::Point> points{{0, 0}};
    const std::int64_t last_event = traffic_.links().events() + most_events;
    Nanos known{0};
    while (!bytes || points.back().bytes < static_cast<double>(*bytes)) {
      traffic_.run([&] {
        offer_ahead();
        return known_until() > known || (!bytes && traffic_.links().events() > last_event);
      });
      if (known_until() <= known) return {points, mean_rate(points)};
      known = known_until();
      points.push_back({arrived_by(known), seconds(known - begin_ - path_.rtt / 2)});
      if (bytes) continue;
      if (const auto rate = steady_rate(points)) return {points, *rate};
    }
    return {points, payload_rate()};
  }

  /// What was offered too much arrives, and then nothing happens for so long.
  void idle(Nanos time) {
    traffic_.run([&] {
      for (std::size_t i = 0; i < flows_.size(); ++i) {
        if (arrivals(i) < flows_[i].marks.size()) return false;
      }
      return true;
    });
    traffic_.wait(time);
  }

 private:
  /// Of this transfer.
  struct Flow {
    std::size_t arrivals_before = 0;
    Bytes departed_before = 0;
    std::vector<Bytes> marks{};  // ends of messages
  };

  double payload_rate() const {
    return static_cast<double>(path_.rate.value) * static_cast<double>(path_.tcp.mss) /
           static_cast<double>(path_.tcp.mss + path_.tcp.header);
  }

  std::size_t arrivals(std::size_t flow) const {
    return traffic_.arrivals(flow).size() - flows_[flow].arrivals_before;
  }

  /// So that no connection runs out of bytes: half as much as has left waits to leave, or two
  /// windows of the whole path.
  void offer_ahead() {
    const Bytes least = 10 * path_.tcp.mss;
    for (std::size_t i = 0; i < flows_.size(); ++i) {
      Flow& flow = flows_[i];
      const Bytes left = traffic_.departed(i) - flow.departed_before;
      const Bytes wanted = left + std::min(left / 2, 2 * product_) + 20 * least;
      for (Bytes offered = flow.marks.empty() ? 0 : flow.marks.back(); offered < wanted;) {
        const auto more = static_cast<Bytes>(kGrowth * static_cast<double>(offered));
        const Bytes message = std::max(least, more);
        traffic_.offer(i, message);
        flow.marks.push_back(offered += message);
      }
    }
  }

  /// Until when it is known what has arrived on all connections together.
  Nanos known_until() const {
    Nanos until = kNever;
    for (std::size_t i = 0; i < flows_.size(); ++i) {
      if (arrivals(i) == 0) return Nanos{0};
      until = std::min(until, traffic_.arrivals(i).back());
    }
    return until;
  }

  double arrived_by(Nanos time) const {
    double sum = 0;
    for (std::size_t i = 0; i < flows_.size(); ++i) {
      const auto& times = traffic_.arrivals(i);
      const auto first = times.begin() + static_cast<std::ptrdiff_t>(flows_[i].arrivals_before);
      const auto next = std::lower_bound(first, times.end(), time);  // there is one
      const auto mark = static_cast<std::size_t>(next - first);
      const Nanos since = mark > 0 ? *(next - 1) : begin_ + path_.rtt / 2;
      const Bytes before = mark > 0 ? flows_[i].marks[mark - 1] : 0;
      const double part = seconds(time - since) / std::max(1e-9, seconds(*next - since));
      sum +=
          static_cast<double>(before) + part * static_cast<double>(flows_[i].marks[mark] - before);
    }
    return sum;
  }

  /// The rate at which it goes on from here on, if that is known.
  std::optional<double> steady_rate(const std::vector<TransferCurve::Point>& points) const {
    if (path_.loss_ppm > 0) return std::nullopt;  // only time tells
    const double now = points.back().seconds, rtt = seconds(path_.rtt);
    if (now <= kSteadyRoundTrips * rtt) return std::nullopt;
    if (rate_since(points, now - kSteadyRoundTrips * rtt) >= kSteady * payload_rate()) {
      return payload_rate();
    }
    // A window that is at its cap stays there; but then what arrives comes in bursts.
    const double span = kCappedRoundTrips * rtt;
    if (path_.tcp.window_cap * path_.connections >= product_ || now <= 2 * span) {
      return std::nullopt;
    }
    const double rate = rate_since(points, now - span);
    return rate;
  }

  static double rate_since(const std::vector<TransferCurve::Point>& points, double time) {
    const auto after = std::upper_bound(
        points.begin(), points.end() - 1, time,
        [](double wanted, const TransferCurve::Point& point) { return wanted < point.seconds; });
    const TransferCurve::Point &first = *(after - 1), &last = points.back();
    return (last.bytes - first.bytes) / (last.seconds - first.seconds);
  }

  static double mean_rate(const std::vector<TransferCurve::Point>& points) {
    STRAIT_CHECK(points.size() > 3, "only {} marks of a transfer arrived", points.size() - 1);
    return rate_since(points, points.back().seconds / 3);
  }

  const TcpPath& path_;
  LoneTraffic traffic_;
  Bytes product_;  // bandwidth x delay
  Nanos begin_{0};
  std::vector<Flow> flows_;
};

}  // namespace

TransferCurve::TransferCurve(std::vector<Point> points, double steady_rate)
    : points_(std::move(points)), steady_rate_(steady_rate) {
  STRAIT_CHECK(points_.size() > 1 && steady_rate_ > 0, "{} points, then {} bytes/s", points_.size(),
               steady_rate_);
}

double TransferCurve::seconds(double bytes) const {
  const Point& last = points_.back();
  if (bytes >= last.bytes) return last.seconds + (bytes - last.bytes) / steady_rate_;
  const auto next =
      std::upper_bound(points_.begin(), points_.end(), bytes,
                       [](double wanted, const Point& point) { return wanted < point.bytes; });
  const Point &b = *next, &a = *(next - 1);
  return a.seconds + (b.seconds - a.seconds) * (bytes - a.bytes) / (b.bytes - a.bytes);
}

namespace {

/// Connections that were steady, and then idle for so many units.
void prepare(Site& site, const TcpService& service, std::int64_t most_events, int idle_units) {
  site.transfer(most_events);
  site.idle(idle_units * service.idle_unit() + service.idle_unit() / 2);
}

}  // namespace

const TransferCurve& TcpService::curve(int idle_units) {
  const int units = std::clamp(idle_units, 1, kLongIdle);
  if (const auto known = curves_.find(units); known != curves_.end()) return known->second;
  Site site(path_);
  prepare(site, *this, most_events_ / 4, units);
  return curves_.emplace(units, site.transfer(most_events_)).first->second;
}

double TcpService::simulated_seconds(int idle_units, Bytes bytes) const {
  Site site(path_);
  prepare(site, *this, most_events_ / 4, idle_units);
  return site.transfer(most_events_, bytes).seconds(static_cast<double>(bytes));
}

}  // namespace strait
