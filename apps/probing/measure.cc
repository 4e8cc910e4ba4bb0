#include "apps/probing/measure.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/base/check.h"
#include "core/base/wide.h"
#include "netsim/lone_traffic.h"

namespace strait {
namespace {

constexpr Nanos kSecond{kNanosPerSecond};
constexpr Nanos kPatience = 86'400 * kSecond;
constexpr Bytes kEndless = Bytes{1} << 40;

// A train lasts some 10 ms, so that a nanosecond more or less is nothing, of so many packets.
constexpr std::int64_t kTrainsPerSecond = 100, kLeastTrain = 100, kMostTrain = 1'000'000;
// Packets are sent until so many should be lost: then a count is within 5 % in two cases of three.
// Of bursts as many, but no more losses than that: each costs time.
constexpr std::int64_t kLossesWanted = 400, kMostLosses = 20'000, kLeastPackets = 10'000;

/// A connection that sends so many segments at once, and none again.
TcpOptions unbounded(const TcpOptions& tcp, std::int64_t segments) {
  constexpr std::int64_t kUnacknowledged = 1;  // the small message before the train
  TcpOptions options = tcp;
  if (tcp.congestion != CongestionControl::kIdeal) options.congestion = CongestionControl::kReno;
  options.initial_segments = segments + kUnacknowledged;
  options.window_cap = kEndless;
  options.idle_restart = false;
  options.rto_min = options.rto_max = options.syn_timeout = 10 * kPatience;
  return options;
}

std::vector<LinkId> add_links(LoneTraffic& traffic, std::span<const LinkOptions> links) {
  std::vector<LinkId> ids;
  for (const LinkOptions& link : links) ids.push_back(traffic.links().add_link(link));
  return ids;
}

BytesPerSecond narrowest(std::span<const LinkOptions> links) {
  BytesPerSecond rate = kUnlimited;
  for (const LinkOptions& link : links) rate = std::min(rate, link.rate);
  return rate;
}

/// A link without queue's end, loss or jitter.
std::vector<LinkOptions> bare(std::span<const LinkOptions> links) {
  std::vector<LinkOptions> made;
  for (const LinkOptions& link : links) made.push_back({link.rate, link.delay, 0, link.name});
  return made;
}

/// That the links need to send a packet: each for itself, or, ideal, all at once.
Nanos sending_time(std::span<const LinkOptions> links, Bytes packet, bool ideal) {
  if (ideal) return transfer_time(packet, narrowest(links));
  Nanos sum{0};
  for (const LinkOptions& link : links) sum += transfer_time(packet, link.rate);
  return sum;
}

BytesPerSecond rate_of(Bytes bytes, Nanos time) {
  const std::int64_t nanos = time.count();
  if (nanos <= 0) return kUnlimited;
  return {static_cast<std::int64_t>(Wide{bytes} * kNanosPerSecond / nanos)};
}

void count_losses(const ProbedPath& path, const TcpOptions& tcp, std::uint64_t seed,
                  PathMeasurement& measured) {
  double arrives = 1;
  for (const LinkOptions& link : path.there) {
    arrives *= 1 - static_cast<double>(link.loss_ppm) * 1e-6;
    arrives *= 1 - static_cast<double>(link.bursts.lost_ppm()) * 1e-6;
    measured.burst = std::max(measured.burst, link.bursts.length());
  }
  std::int64_t packets = kLeastPackets;
  if (arrives < 1) {
    const std::int64_t losses = std::min(kLossesWanted * measured.burst, kMostLosses);
    const double enough = static_cast<double>(losses) / (1 - arrives);
    packets = std::max<std::int64_t>(packets, std::llround(enough));
  }
  TcpOptions options = unbounded(tcp, packets);
  options.congestion = CongestionControl::kReno;
  options.syn_timeout = kSecond;  // a burst may lose the handshake
  LoneTraffic traffic(options, seed);
  // Losses do not ask how fast the link is. What the acknowledgements tell comes too late to count.
  std::vector<LinkOptions> there = bare(path.there);
  for (std::size_t i = 0; i < there.size(); ++i) {
    there[i].rate = kUnlimited;
    there[i].delay = Nanos{0};
    there[i].bursts = path.there[i].bursts;
  }
  const std::vector<LinkId> ids = add_links(traffic, there);
  const LinkOptions slow_back{.delay = kSecond};
  const std::vector<LinkId> back = add_links(traffic, {&slow_back, 1});
  const std::size_t connection = traffic.connect(ids, back);
  traffic.run([&] { return traffic.opened(connection).has_value(); });
  for (std::size_t i = 0; i < ids.size(); ++i) {
    traffic.links().set_loss(ids[i], path.there[i].loss_ppm, traffic.now());
  }
  const auto seen = [&] { return traffic.links().counters(ids.front()).payload; };
  traffic.offer(connection, packets * options.mss);
  traffic.run([&] { return seen() == packets * options.mss; });
  measured.packets = packets;
  for (const LinkId id : ids) {
    measured.lost += traffic.links().counters(id).lost / (options.mss + options.header);
  }
}

}  // namespace

PathMeasurement measure_path(const ProbedPath& path, const TcpOptions& tcp, std::uint64_t seed) {
  STRAIT_CHECK(!path.there.empty(), "a path without links");
  const bool ideal = tcp.congestion == CongestionControl::kIdeal;
  const BytesPerSecond narrow = narrowest(path.there);
  const Bytes packet = tcp.mss + tcp.header;
  PathMeasurement measured;
  measured.train = narrow == kUnlimited ? kLeastTrain
                                        : std::clamp(narrow.value / kTrainsPerSecond / packet,
                                                     kLeastTrain, kMostTrain);
  LoneTraffic traffic(unbounded(tcp, measured.train), seed);
  const std::vector<LinkOptions> there = bare(path.there), back = bare(path.back);
  const std::vector<LinkId> forward = add_links(traffic, there), ways = add_links(traffic, back);
  if (!path.up) traffic.links().set_up(forward.front(), false, Nanos{0});
  const std::size_t connection = traffic.connect(forward, ways);
  const auto arrived = [&](std::size_t messages) {
    return traffic.run([&] { return traffic.arrivals(connection).size() >= messages; });
  };
  measured.answers = traffic.run([&] { return traffic.opened(connection).has_value(); }, kPatience);
  if (!measured.answers) return measured;
  const Bytes syn = ideal ? 0 : tcp.syn;
  measured.rtt = *traffic.opened(connection) - sending_time(there, syn, ideal) -
                 sending_time(back, syn, ideal);
  traffic.wait(sending_time(there, tcp.ack, ideal));  // the end of the handshake
  const Nanos sent = traffic.now();
  traffic.offer(connection, 1);
  if (!arrived(1)) return {};
  measured.delay =
      traffic.arrivals(connection)[0] - sent - sending_time(there, 1 + tcp.header, ideal);
  traffic.offer(connection, tcp.mss);
  traffic.offer(connection, (measured.train - 1) * tcp.mss);
  if (!arrived(3)) return {};
  measured.rate = rate_of((measured.train - 1) * packet,
                          traffic.arrivals(connection)[2] - traffic.arrivals(connection)[1]);
  count_losses(path, tcp, seed, measured);
  return measured;
}

Goodput measure_goodput(const ProbedPath& path, const TcpOptions& tcp, std::uint64_t seed,
                        const GoodputLimits& limits) {
  BytesPerSecond most = narrowest(path.there);
  Nanos rtt{0};
  for (const auto& links : {path.there, path.back}) {
    for (const LinkOptions& link : links) rtt += link.delay;
  }
  most = std::min(most, rate_of(tcp.window_cap, rtt));
  if (most == kUnlimited) return {.first_message = Nanos{0}, .rate = kUnlimited};
  LoneTraffic traffic(tcp, seed);
  const std::size_t connection =
      traffic.connect(add_links(traffic, path.there), add_links(traffic, path.back));
  traffic.offer(connection, Goodput::kFirstMessage);
  // More than can pass in all this time.
  constexpr std::int64_t kPieces = 600;
  const Bytes piece = std::max(tcp.mss, static_cast<Bytes>(Wide{most.value} * limits.time.count() /
                                                           kNanosPerSecond / kPieces));
  for (std::int64_t i = 0; i < kPieces + 1; ++i) traffic.offer(connection, piece);
  traffic.run([&] { return traffic.links().events() >= limits.events; }, limits.time);
  const std::vector<Nanos>& arrivals = traffic.arrivals(connection);
  Goodput goodput;
  if (arrivals.empty()) return goodput;
  goodput.first_message = arrivals.front();
  const auto begin = std::lower_bound(arrivals.begin(), arrivals.end(), arrivals.back() / 3);
  goodput.time = arrivals.back() - *begin;
  goodput.bytes = (arrivals.end() - begin - 1) * piece;
  if (goodput.time > Nanos{0}) goodput.rate = rate_of(goodput.bytes, goodput.time);
  return goodput;
}

}  // namespace strait
