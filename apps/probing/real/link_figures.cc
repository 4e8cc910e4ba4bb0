#include "apps/probing/real/link_figures.h"

#include <algorithm>
#include <cmath>

#include "netsim/tcp_options.h"

namespace strait {
namespace {

constexpr Bytes kEcho = 66 + 8;  // on the link

// Round trips of an emulated link whose jitter is +-1 in both directions: their tenths from below
// and from above are so far apart (netsim/jitter.h; 200,000 draws).
constexpr double kSpreadOfJitter = 1.77;
// Less is what threads are late by, or does not matter: of the round trip, and at all.
constexpr int kLeastJitterPart = 100;
constexpr Nanos kLeastJitter{250'000};

Nanos to_microseconds(Nanos time) { return std::chrono::round<std::chrono::microseconds>(time); }

/// Four digits that count: no link is known better.
std::int64_t rounded(double value) {
  if (value < 1e4) return std::max<std::int64_t>(1, std::llround(value));
  const double unit = std::pow(10, std::floor(std::log10(value)) - 3);
  return std::llround(std::round(value / unit) * unit);
}

BytesPerSecond wire_rate(const LoadResult& best, double loss) {
  const TcpOptions tcp;
  const double segment = static_cast<double>(tcp.mss + tcp.header);
  const double payload = static_cast<double>(best.goodput.value);
  // In whole kbit/s; what is lost on the link has used its time as well.
  const double rate = payload * segment / static_cast<double>(tcp.mss) / (1 - loss);
  return {125 * rounded(rate / 125)};
}

/// What stands before the link when it is full: how much longer a round trip takes then. By the
/// fewest connections that fill it: those of many wait for more than the queue.
Bytes queue_of(const WayMeasurement& way, BytesPerSecond rate, Nanos idle) {
  const auto fills = [&](const LoadResult& load) { return fills_a_queue(load, way.paced); };
  const auto first = std::find_if(way.cubic.begin(), way.cubic.end(), fills);
  Nanos most = first == way.cubic.end() ? Nanos{0} : first->high_rtt;
  if (way.bbr && fills(*way.bbr)) most = std::max(most, way.bbr->high_rtt);
  if (most <= idle) return 0;
  return 1000 * rounded(seconds(most - idle) * static_cast<double>(rate.value) / 1000);
}

}  // namespace

CountedShare counted_share(std::int64_t count, std::int64_t of) {
  if (of <= 0) return {.most = 1};
  constexpr double z = 1.96;
  const double n = static_cast<double>(of), p = static_cast<double>(count) / n;
  const double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n);
  return {p, count == 0 ? 0 : std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

IdleRoundTrips idle_round_trips(const LinkMeasurement& measured) {
  std::vector<Nanos> sorted = measured.round_trips;
  std::sort(sorted.begin(), sorted.end());
  const auto at = [&](double part) {
    return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1) + 0.5)];
  };
  return {at(0), at(0.1), at(0.5), at(0.9)};
}

bool fills_a_queue(const LoadResult& load, const LoadResult& paced) {
  const CountedShare alone = counted_share(paced.lost, paced.segments);
  const double expected = alone.most * static_cast<double>(load.segments);
  return static_cast<double>(load.lost) > expected + 3 * std::sqrt(expected) + 3;
}

LinkFigures link_figures(const LinkMeasurement& measured) {
  LinkFigures figures{.idle = idle_round_trips(measured)};
  const auto direction = [&](const WayMeasurement& way, WayFigures& of) {
    of.loss = counted_share(way.paced.lost, way.paced.segments);
    of.link.loss_ppm = std::llround(1e6 * of.loss.share);
    of.link.rate = wire_rate(way.best(), of.loss.share);
  };
  direction(measured.there, figures.there);
  direction(measured.back, figures.back);
  const IdleRoundTrips& idle = figures.idle;
  const Nanos spread = idle.p90 - idle.p10;
  const Nanos jitter{std::llround(static_cast<double>(spread.count()) / kSpreadOfJitter)};
  const bool jitters = jitter >= std::max(kLeastJitter, idle.median / kLeastJitterPart);
  // The emulator adds the time of an echo's own bits itself, and its jitter goes both ways.
  const Nanos bits =
      transfer_time(kEcho, figures.there.link.rate) + transfer_time(kEcho, figures.back.link.rate);
  const Nanos round_trip = std::max(Nanos{0}, (jitters ? idle.median : idle.least) - bits);
  const auto finish = [&](const WayMeasurement& way, LinkSpec& link) {
    link.delay = to_microseconds(round_trip / 2);
    if (jitters) link.jitter = std::min(link.delay, to_microseconds(jitter));
    link.queue = queue_of(way, link.rate, round_trip);
  };
  finish(measured.there, figures.there.link);
  finish(measured.back, figures.back.link);
  return figures;
}

}  // namespace strait
