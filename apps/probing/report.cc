#include "apps/probing/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "apps/output/human.h"
#include "apps/output/table.h"
#include "core/base/quantities.h"

namespace strait {
namespace {

// A network whose probe would take longer is not probed before each run.
constexpr std::size_t kMostLinksOfLine = 512;
constexpr int kMostIslandsOfLine = 128;
constexpr std::int64_t kEventsOfLine = 100'000;

constexpr const char* kDown = "down";

std::string range(const std::string& low, const std::string& high) {
  return low == high ? low : low + " to " + high;
}

std::string configured_loss(std::int64_t ppm) { return ppm == 0 ? "0" : loss_text(ppm); }

std::string measured_loss(std::int64_t lost, std::int64_t packets) {
  if (lost == 0) return fmt::format("0 of {}", human_count(packets));
  return fmt::format("{:.3g}% of {}",
                     100 * static_cast<double>(lost) / static_cast<double>(packets),
                     human_count(packets));
}

/// ".up" and ".down" are told apart, so that a row's links have one direction.
std::string way_of(const std::string& name) {
  const auto point = name.find('.');
  return point == std::string::npos ? "" : name.substr(point);
}

std::string bound_text(const PairProbe& pair, const EmulatedOptions& options) {
  switch (bound_by(pair, options)) {
    case BoundBy::kNothing: return "the link";
    case BoundBy::kWindow: return "network.window";
    case BoundBy::kLoss: return "loss";
    case BoundBy::kQueue: return "network.queue";
    case BoundBy::kGrowth: return "its window's growth";
  }
  return "";
}

bool fills(const PairProbe& pair, const EmulatedOptions& options) {
  return !pair.measured.answers || pair.goodput.rate == kUnlimited ||
         bound_by(pair, options) == BoundBy::kNothing;
}

/// Why one connection does not fill these paths; `worst` is the one that it fills least.
std::string reason(const PairProbe& worst, const EmulatedOptions& options) {
  const PairFigures& figures = worst.kind.figures;
  switch (bound_by(worst, options)) {
    case BoundBy::kNothing: break;
    case BoundBy::kWindow:
      return fmt::format("network.window, {} per round trip of {}",
                         format_bytes(options.tcp.window_cap), format_duration(figures.rtt));
    case BoundBy::kLoss: return fmt::format("loss of {}", loss_text(figures.loss_ppm));
    case BoundBy::kQueue:
      return fmt::format("network.queue, {} bandwidth-delay products", options.queue);
    case BoundBy::kGrowth:
      return fmt::format("a window that has not opened up within {}",
                         human_time(worst.goodput.time / 2 * 3));
  }
  return "";
}

std::string counted(std::size_t count, const char* one, const char* many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string counted_kinds(std::size_t count) {
  return counted(count, "kind of pairs", "kinds of pairs");
}

/// A line for each thing that keeps one connection from filling its path.
std::string bounds(const NetworkProbe& probe, const NetworkView& view) {
  const auto part = [](const PairProbe& pair) {
    return static_cast<double>(pair.goodput.rate.value) /
           static_cast<double>(pair.kind.figures.rate.value);
  };
  std::map<BoundBy, std::pair<const PairProbe*, std::size_t>> worst;
  for (const PairProbe& pair : probe.pairs) {
    if (fills(pair, probe.options)) continue;
    auto& [least, count] = worst[bound_by(pair, probe.options)];
    if (least == nullptr || part(pair) < part(*least)) least = &pair;
    ++count;
  }
  std::string text;
  for (const auto& [bound, found] : worst) {
    const auto& [pair, count] = found;
    const auto [from, to] = ends_of(view, pair->kind.pairs);
    text += fmt::format("One connection gets {} of {} from {}{}: bound by {}.",
                        human_rate(pair->goodput.rate), format_rate(pair->kind.figures.rate), from,
                        to.empty() ? "" : " to " + to, reason(*pair, probe.options));
    if (count > 1)
      text += fmt::format(" So it is on {}.", counted(count - 1, "other kind", "other kinds"));
    text += "\n";
  }
  return text;
}

}  // namespace

std::string probed_links_table(const NetworkProbe& probe) {
  struct Row {
    std::vector<std::string> names;
    std::vector<const PathMeasurement*> measured;
  };
  using Key = std::tuple<std::string, BytesPerSecond, std::string, std::string, bool>;
  std::map<Key, std::size_t> places;
  std::vector<std::pair<LinkSpec, Row>> rows;
  const NetworkView view(probe.start.network);
  for (const LinkProbe& one : probe.links) {
    const auto index = static_cast<std::size_t>(one.link);
    const LinkSpec& link = probe.start.network.links[index];
    const Key key{view.is_shared(one.link) ? link.name : way_of(link.name), link.rate,
                  delay_text(link), loss_text(link), probe.start.up[index]};
    const auto [at, first] = places.try_emplace(key, rows.size());
    if (first) rows.push_back({link, {}});
    rows[at->second].second.names.push_back(view.link_label(one.link));
    rows[at->second].second.measured.push_back(&one.measured);
  }
  Table table({{"link"},
               {"rate", Align::kRight},
               {"measured", Align::kRight},
               {"delay", Align::kRight},
               {"measured", Align::kRight},
               {"loss", Align::kRight},
               {"measured, of packets", Align::kRight}});
  for (const auto& [link, row] : rows) {
    PathMeasurement low = *row.measured.front(), high = low, all;
    for (const PathMeasurement* m : row.measured) {
      low.rate = std::min(low.rate, m->rate);
      high.rate = std::max(high.rate, m->rate);
      low.delay = std::min(low.delay, m->delay);
      high.delay = std::max(high.delay, m->delay);
      all.lost += m->lost;
      all.packets += m->packets;
    }
    const bool answers = low.answers;
    table.row({some_of(row.names), format_rate(link.rate),
               answers ? range(human_rate(low.rate), human_rate(high.rate)) : kDown,
               delay_text(link),
               answers ? range(human_time(low.delay), human_time(high.delay)) : "",
               lost_ppm(link) == 0 ? "0" : loss_text(link),
               answers ? measured_loss(all.lost, all.packets) : ""});
  }
  return table.text();
}

std::string probed_pairs_table(const NetworkProbe& probe) {
  const NetworkView view(probe.start.network);
  Table table({{"from"},
               {"to"},
               {"round trip", Align::kRight},
               {"measured", Align::kRight},
               {"rate", Align::kRight},
               {"measured", Align::kRight},
               {"loss", Align::kRight},
               {"measured", Align::kRight},
               {"one connection", Align::kRight},
               {"over", Align::kRight},
               {"bound by"},
               {"first 1 MB", Align::kRight}});
  for (const PairProbe& pair : probe.pairs) {
    const auto& [figures, pairs] = pair.kind;
    const auto [from, to] = ends_of(view, pairs);
    std::vector<std::string> cells{from, to, format_duration(figures.rtt)};
    const PathMeasurement& m = pair.measured;
    if (m.answers) {
      const bool known = pair.goodput.rate != kUnlimited;
      cells.insert(cells.end(),
                   {human_time(m.rtt), format_rate(figures.rate), human_rate(m.rate),
                    configured_loss(figures.loss_ppm), measured_loss(m.lost, m.packets),
                    pair.goodput.bytes == 0 && known ? "none" : human_rate(pair.goodput.rate),
                    known ? fmt::format("{}, {}", human_bytes(pair.goodput.bytes),
                                        human_time(pair.goodput.time))
                          : "",
                    known ? bound_text(pair, probe.options) : "nothing",
                    pair.goodput.first_message == kNever ? "never"
                                                         : human_time(pair.goodput.first_message)});
    } else {
      cells.insert(cells.end(), {kDown, format_rate(figures.rate), "", "", "", "", "", "", ""});
    }
    table.row(std::move(cells));
  }
  return table.text();
}

std::string probe_verdict(const NetworkProbe& probe) {
  std::string text;
  const std::vector<std::string> wrong = deviations(probe);
  const auto down = std::count_if(probe.links.begin(), probe.links.end(),
                                  [](const LinkProbe& link) { return !link.measured.answers; });
  if (wrong.empty()) {
    text = fmt::format(
        "As configured: {}, {}. Rates, delays and round trips within {} %, losses within\n"
        "what chance makes of such a count.{}\n",
        counted(probe.links.size(), "link", "links"), counted_kinds(probe.pairs.size()),
        100 * kProbeTolerance,
        down > 0 ? fmt::format(" Down at the beginning: {}.",
                               counted(static_cast<std::size_t>(down), "link", "links"))
                 : "");
  } else {
    text = fmt::format("NOT AS CONFIGURED, which is a bug of Strait: {}\n",
                       counted(wrong.size(), "figure", "figures"));
    for (const std::string& sentence : wrong) text += "  " + sentence + "\n";
  }
  text += bounds(probe, NetworkView(probe.start.network));
  if (probe.start.changes) {
    text += "Links change later (network.events): this is how they are at the beginning.\n";
  }
  const std::size_t links = probe.start.network.links.size();
  if (probe.links.size() < links) {
    text += fmt::format("Probed were the first {} of {} links.\n", probe.links.size(), links);
  }
  if (probe.pairs.size() < probe.kinds) {
    text += fmt::format("Probed were the {} narrowest of {} kinds of pairs.\n", probe.pairs.size(),
                        probe.kinds);
  }
  return text;
}

std::string probe_line(const NetworkDescription& network, const EmulatedOptions& options) {
  if (network.links.size() > kMostLinksOfLine || network.places > kMostIslandsOfLine) {
    return fmt::format("not before this run, {} links are many; strait net probe does",
                       network.links.size());
  }
  const NetworkProbe probe =
      probe_network(network, options, {.pairs = 1, .goodput = {.events = kEventsOfLine}});
  const std::vector<std::string> wrong = deviations(probe);
  std::string line =
      wrong.empty()
          ? fmt::format("{} links within {} % of what is configured", probe.links.size(),
                        100 * kProbeTolerance)
          : fmt::format("WARNING, a bug of Strait: {}{}", wrong.front(),
                        wrong.size() > 1
                            ? fmt::format(" and {} more (strait net probe)", wrong.size() - 1)
                            : "");
  if (probe.pairs.empty()) return line;
  const PairProbe& slowest = probe.pairs.front();
  if (!slowest.measured.answers) return line + "; the slowest path is down at the beginning";
  line += fmt::format("; one {}connection gets {} on the slowest path",
                      options.tcp.congestion == CongestionControl::kIdeal ? "ideal " : "TCP ",
                      human_rate(slowest.goodput.rate));
  if (!fills(slowest, options)) line += ", bound by " + bound_text(slowest, options);
  return line;
}

}  // namespace strait
