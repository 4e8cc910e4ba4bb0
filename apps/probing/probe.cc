#include "apps/probing/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "apps/output/human.h"
#include "core/base/quantities.h"
#include "netsim/playback.h"

namespace strait {
namespace {

constexpr Nanos kRounding{10};
constexpr double kStandardDeviations = 5;

void apply(const LinkChange& change, NetworkAtStart& start) {
  for (const int index : change.links) {
    LinkSpec& link = start.network.links[static_cast<std::size_t>(index)];
    link.rate = change.rate.value_or(link.rate);
    link.delay = change.delay.value_or(link.delay);
    link.loss_ppm = change.loss_ppm.value_or(link.loss_ppm);
    const auto at = start.up.begin() + index;
    *at = change.up.value_or(*at);
  }
}

std::optional<LinkChange> change_of(const NetworkEvent& event) {
  LinkChange change{.time = event.time, .links = event.links};
  switch (event.kind) {
    case NetworkEventKind::kLinkDown: change.up = false; return change;
    case NetworkEventKind::kLinkUp: change.up = true; return change;
    case NetworkEventKind::kLinkRate: change.rate = event.rate; return change;
    case NetworkEventKind::kLinkDelay: change.delay = event.delay; return change;
    case NetworkEventKind::kLinkLoss: change.loss_ppm = event.loss_ppm; return change;
    default: return std::nullopt;
  }
}

/// The links of a path, with queues, as they are at the start.
class Paths {
 public:
  Paths(const NetworkAtStart& start, std::vector<LinkOptions> links)
      : start_(start), links_(std::move(links)) {
    for (std::size_t i = 0; i < links_.size(); ++i) {
      const LinkSpec& now = start.network.links[i];
      links_[i].rate = now.rate;
      links_[i].delay = now.delay;
      links_[i].loss_ppm = now.loss_ppm;
    }
  }

  const LinkOptions& link(std::size_t index) const { return links_[index]; }

  std::vector<LinkOptions> links(IslandId from, IslandId to) const {
    std::vector<LinkOptions> path;
    for (const int index : start_.network.path(from, to)) {
      path.push_back(links_[static_cast<std::size_t>(index)]);
    }
    return path;
  }

  bool up(IslandPair pair) const {
    const auto all = [&](const std::vector<int>& path) {
      return std::all_of(path.begin(), path.end(),
                         [&](int index) { return start_.up[static_cast<std::size_t>(index)]; });
    };
    const auto& network = start_.network;
    return all(network.path(pair.first, pair.second)) && all(network.path(pair.second, pair.first));
  }

 private:
  const NetworkAtStart& start_;
  std::vector<LinkOptions> links_;
};

/// The narrowest first; pairs that can talk and pairs that cannot are two kinds.
std::vector<PairKind> kinds_to_probe(const NetworkAtStart& start, const Paths& paths) {
  std::vector<PairKind> kinds;
  for (PairKind& kind : pair_kinds(NetworkView(start.network))) {
    const auto cut = std::stable_partition(kind.pairs.begin(), kind.pairs.end(),
                                           [&](IslandPair pair) { return paths.up(pair); });
    const std::vector<IslandPair> down(cut, kind.pairs.end());
    kind.pairs.erase(cut, kind.pairs.end());
    if (!kind.pairs.empty()) kinds.push_back(kind);
    if (!down.empty()) kinds.push_back({kind.figures, down});
  }
  std::stable_sort(kinds.begin(), kinds.end(), [](const PairKind& a, const PairKind& b) {
    if (a.figures.rate != b.figures.rate) return a.figures.rate < b.figures.rate;
    return a.figures.rtt > b.figures.rtt;
  });
  return kinds;
}

double part_off(double configured, double measured) {
  return configured == measured ? 0 : std::abs(measured / configured - 1);
}

double rate_off(BytesPerSecond configured, const PathMeasurement& measured, Bytes packet) {
  if (configured == kUnlimited || measured.rate == kUnlimited) {
    return configured == measured.rate ? 0 : 1;
  }
  // As times of the train, which are rounded.
  const Bytes bytes = (measured.train - 1) * packet;
  const Nanos expected = transfer_time(bytes, configured);
  const Nanos took = transfer_time(bytes, measured.rate);
  if (std::chrono::abs(took - expected) <= kRounding) return 0;
  return part_off(static_cast<double>(configured.value), static_cast<double>(measured.rate.value));
}

double time_off(Nanos configured, Nanos measured) {
  if (std::chrono::abs(configured - measured) <= kRounding) return 0;
  return configured == Nanos{0} ? 1 : part_off(seconds(configured), seconds(measured));
}

/// In standard deviations of what chance makes of a count.
bool losses_differ(std::int64_t configured_ppm, const PathMeasurement& measured) {
  const double odds = static_cast<double>(configured_ppm) * 1e-6;
  const double expected = odds * static_cast<double>(measured.packets);
  // Odds are known to a part in a million.
  const double rounded = 0.5e-6 * static_cast<double>(measured.packets) * (configured_ppm > 0);
  // Those of a burst are lost together: of geometric length n on average, a count varies 2 n - 1
  // times as much.
  const auto together = static_cast<double>(2 * measured.burst - 1);
  return std::abs(static_cast<double>(measured.lost) - expected) >
         kStandardDeviations * std::sqrt(expected * (1 - odds) * together) + rounded;
}

/// Figure by figure, with what is called how.
class Comparison {
 public:
  explicit Comparison(const NetworkProbe& probe) : probe_(probe), view_(probe.start.network) {
    for (const LinkProbe& link : probe.links) compare(link);
    for (const PairProbe& pair : probe.pairs) compare(pair);
  }

  std::vector<std::string> sentences;
  double largest = 0;

 private:
  void compare(const LinkProbe& probe) {
    const auto index = static_cast<std::size_t>(probe.link);
    const LinkSpec& link = probe_.start.network.links[index];
    const std::string name = "link " + view_.link_label(probe.link);
    if (!answers(name, probe_.start.up[index], probe.measured)) return;
    rate(name, link.rate, probe.measured);
    time(name + ": delay", link.delay, probe.measured.delay);
    losses(name, lost_ppm(link), probe.measured);
  }

  void compare(const PairProbe& pair) {
    const auto [from, to] = pair.kind.pairs.front();
    const std::string name = fmt::format("{} to {}", view_.label(from), view_.label(to));
    const auto& links = probe_.start;
    bool up = true;
    for (const auto& path : {links.network.path(from, to), links.network.path(to, from)}) {
      for (const int link : path) up = up && links.up[static_cast<std::size_t>(link)];
    }
    if (!answers(name, up, pair.measured)) return;
    const PathFigures there = path_figures(links.network, from, to);
    rate(name, there.rate, pair.measured);
    time(name + ": delay", there.delay, pair.measured.delay);
    time(name + ": round trip", pair.kind.figures.rtt, pair.measured.rtt);
    losses(name, pair.kind.figures.loss_ppm, pair.measured);
  }

  bool answers(const std::string& name, bool up, const PathMeasurement& measured) {
    if (up != measured.answers) {
      sentences.push_back(fmt::format("{}: {} as configured, but {}", name, up ? "up" : "down",
                                      up ? "nothing answers" : "it answers"));
    }
    return measured.answers && up;
  }

  void off(double part, const std::string& what, const std::string& configured,
           const std::string& measured) {
    largest = std::max(largest, part);
    if (part <= kProbeTolerance) return;
    sentences.push_back(
        fmt::format("{}: {} as configured, {} measured", what, configured, measured));
  }

  void rate(const std::string& name, BytesPerSecond configured, const PathMeasurement& measured) {
    const auto& tcp = probe_.options.tcp;
    off(rate_off(configured, measured, tcp.mss + tcp.header), name + ": rate",
        format_rate(configured), format_rate(measured.rate));
  }

  void time(const std::string& what, Nanos configured, Nanos measured) {
    off(time_off(configured, measured), what, format_duration(configured),
        format_duration(measured));
  }

  void losses(const std::string& name, std::int64_t ppm, const PathMeasurement& measured) {
    if (!losses_differ(ppm, measured)) return;
    sentences.push_back(fmt::format("{}: loss: {:.3g} % as configured, {} of {} packets lost", name,
                                    static_cast<double>(ppm) * 1e-4, human_count(measured.lost),
                                    human_count(measured.packets)));
  }

  const NetworkProbe& probe_;
  NetworkView view_;
};

}  // namespace

NetworkAtStart at_start(const NetworkDescription& network) {
  NetworkAtStart start{.network = network, .up = std::vector<bool>(network.links.size(), true)};
  LinkPlayback playback(network);
  while (playback.next() <= Nanos{0}) apply(playback.take(), start);
  start.changes = playback.next() != kNever;
  for (const NetworkEvent& event : network.events) {
    const auto change = change_of(event);
    if (change && event.time == Nanos{0}) apply(*change, start);
    start.changes = start.changes || (change && event.time > Nanos{0});
  }
  return start;
}

NetworkProbe probe_network(const NetworkDescription& network, const EmulatedOptions& options,
                           const ProbeLimits& limits) {
  NetworkProbe probe{.start = at_start(network), .options = options};
  const Paths paths(probe.start, link_options(network, options));
  const std::size_t links = std::min(limits.links, network.links.size());
  const LinkOptions nothing{};  // between the link's end and its beginning
  for (std::size_t i = 0; i < links; ++i) {
    const ProbedPath alone{{&paths.link(i), 1}, {&nothing, 1}, probe.start.up[i]};
    probe.links.push_back({static_cast<int>(i), measure_path(alone, options.tcp, network.seed)});
  }
  std::vector<PairKind> kinds = kinds_to_probe(probe.start, paths);
  probe.kinds = kinds.size();
  kinds.resize(std::min(limits.pairs, kinds.size()));
  for (PairKind& kind : kinds) {
    const IslandPair pair = kind.pairs.front();
    const std::vector<LinkOptions> there = paths.links(pair.first, pair.second);
    const std::vector<LinkOptions> back = paths.links(pair.second, pair.first);
    const ProbedPath path{there, back, paths.up(pair)};
    PairProbe& made = probe.pairs.emplace_back(PairProbe{.kind = std::move(kind)});
    made.measured = measure_path(path, options.tcp, network.seed);
    if (made.measured.answers) {
      made.goodput = measure_goodput(path, options.tcp, network.seed, limits.goodput);
    }
  }
  return probe;
}

std::vector<std::string> deviations(const NetworkProbe& probe) {
  return Comparison(probe).sentences;
}

double largest_deviation(const NetworkProbe& probe) { return Comparison(probe).largest; }

BoundBy bound_by(const PairProbe& pair, const EmulatedOptions& options) {
  constexpr double kFull = 0.9;
  const TcpOptions& tcp = options.tcp;
  const double rate = static_cast<double>(pair.goodput.rate.value);
  const double payload = static_cast<double>(tcp.mss) / static_cast<double>(tcp.mss + tcp.header);
  if (rate >= kFull * payload * static_cast<double>(pair.kind.figures.rate.value)) {
    return BoundBy::kNothing;
  }
  const bool nothing_came = pair.goodput.bytes == 0 && pair.goodput.rate != kUnlimited;
  if (nothing_came && pair.kind.figures.loss_ppm == 0) return BoundBy::kNothing;
  const double window = static_cast<double>(tcp.window_cap) / seconds(pair.kind.figures.rtt);
  if (rate > 0 && rate >= kFull * window) return BoundBy::kWindow;
  if (pair.kind.figures.loss_ppm > 0) return BoundBy::kLoss;
  return options.queue < 1 ? BoundBy::kQueue : BoundBy::kGrowth;
}

}  // namespace strait
