#include "netsim/description.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/quantities.h"
#include "core/base/wide.h"

namespace strait {
namespace {

/// All islands have the same access link, and there is nothing else.
bool is_uniform(const NetworkDescription& network) {
  if (network.places == 0 || network.links.size() != 2 * network.islands.size()) return false;
  for (std::size_t i = 0; i < network.links.size(); ++i) {
    const bool up = i % 2 == 0;
    const LinkSpec& link = network.links[i];
    if (!link.name.ends_with(up ? ".up" : ".down")) return false;
    if (!alike(link, network.links[up ? 0 : 1])) return false;
  }
  return network.places == 1 || network.path(0, 1).size() == 2;
}

template <class T, class Format>
std::string range(const T& low, const T& high, Format format) {
  return low == high ? format(low) : format(low) + " to " + format(high);
}

std::string percent_text(std::int64_t ppm) {
  return fmt::format("{:.3g}%", static_cast<double>(ppm) * 1e-4);
}

}  // namespace

bool alike(const LinkSpec& a, const LinkSpec& b) {
  return a.rate == b.rate && a.delay == b.delay && a.loss_ppm == b.loss_ppm &&
         a.jitter == b.jitter && a.bursts == b.bursts && a.queue == b.queue;
}

std::int64_t lost_ppm(const LinkSpec& link) {
  const std::int64_t arrive = 1'000'000 - link.loss_ppm, burst = link.bursts.lost_ppm();
  return 1'000'000 - arrive * (1'000'000 - burst) / 1'000'000;
}

std::string delay_text(const LinkSpec& link) {
  const std::string delay = format_duration(link.delay);
  return link.jitter > Nanos{0} ? delay + "+-" + format_duration(link.jitter) : delay;
}

std::string loss_text(const LinkSpec& link) {
  std::string text = link.loss_ppm > 0 ? percent_text(link.loss_ppm) : "";
  if (link.bursts.none()) return text;
  if (!text.empty()) text += " + ";
  // Two digits: the odds in parts per million keep no more of a small share.
  return text + fmt::format("bursts {:.2g}%/{}", static_cast<double>(link.bursts.lost_ppm()) * 1e-4,
                            link.bursts.length());
}

std::vector<int> access_links(IslandId island, Direction direction) {
  switch (direction) {
    case Direction::kUp: return {up_link(island)};
    case Direction::kDown: return {down_link(island)};
    case Direction::kBoth: break;
  }
  return {up_link(island), down_link(island)};
}

NetworkDescription describe_network(std::vector<AccessLink> links, std::vector<NetworkEvent> events,
                                    IslandId coordinator_beside) {
  NetworkDescription network;
  network.places = static_cast<int>(links.size());
  network.place_of_peer.push_back(coordinator_beside);
  for (IslandId i = 0; i < network.places; ++i) {
    const AccessLink& link = links[static_cast<std::size_t>(i)];
    network.links.push_back(link.link(fmt::format("{}.up", i), link.up));
    network.links.push_back(link.link(fmt::format("{}.down", i), link.down));
    network.place_of_peer.push_back(i);
    for (IslandId to = 0; to < network.places; ++to) {
      network.paths.push_back(to == i ? std::vector<int>{}
                                      : std::vector<int>{up_link(i), down_link(to)});
    }
  }
  network.events = std::move(events);
  network.islands.resize(links.size());
  return network;
}

NetworkEvent link_event(Nanos time, NetworkEventKind kind, IslandId island, Direction direction) {
  return {.time = time, .kind = kind, .links = access_links(island, direction)};
}

PathFigures path_figures(const NetworkDescription& network, int from, int to) {
  PathFigures figures;
  double arrives = 1;
  for (const int index : network.path(from, to)) {
    const LinkSpec& link = network.links[static_cast<std::size_t>(index)];
    figures.rate = std::min(figures.rate, link.rate);
    figures.delay += link.delay;
    arrives *= 1 - static_cast<double>(lost_ppm(link)) * 1e-6;
  }
  figures.loss_ppm = std::llround((1 - arrives) * 1e6);
  return figures;
}

std::string network_summary(const NetworkDescription& network) {
  if (is_uniform(network)) {
    const LinkSpec &up = network.links[0], &down = network.links[1];
    const std::string loss = loss_text(up);
    return fmt::format("{} up, {} down, {}{} per access link: RTT {} between islands",
                       format_rate(up.rate), format_rate(down.rate), delay_text(up),
                       loss.empty() ? "" : ", loss " + loss, format_duration(4 * up.delay));
  }
  BytesPerSecond rate_low = kUnlimited, rate_high{};
  Nanos rtt_low = kNever, rtt_high{0};
  std::int64_t loss = 0;
  for (int from = 0; from < network.places; ++from) {
    for (int to = 0; to < network.places; ++to) {
      if (from == to) continue;
      const PathFigures path = path_figures(network, from, to);
      const Nanos rtt = path.delay + path_figures(network, to, from).delay;
      rate_low = std::min(rate_low, path.rate);
      rate_high = std::max(rate_high, path.rate);
      loss = std::max(loss, path.loss_ppm);
      rtt_low = std::min(rtt_low, rtt);
      rtt_high = std::max(rtt_high, rtt);
    }
  }
  if (network.places < 2) return fmt::format("{} links", network.links.size());
  return fmt::format("{} links: {} from island to island, RTT {}{}", network.links.size(),
                     range(rate_low, rate_high, format_rate),
                     range(rtt_low, rtt_high, format_duration),
                     loss > 0 ? ", loss " + percent_text(loss) + " at most" : "");
}

std::vector<Nanos> round_trips(const NetworkDescription& network) {
  const std::size_t places = static_cast<std::size_t>(network.places);
  const auto one_way = [&](std::size_t path) {
    Nanos sum{0};
    for (const int link : network.paths[path])
      sum += network.links[static_cast<std::size_t>(link)].delay;
    return sum;
  };
  std::vector<Nanos> longest(network.links.size(), Nanos{0});
  for (std::size_t from = 0; from < places; ++from) {
    for (std::size_t to = 0; to < places; ++to) {
      const Nanos rtt = one_way(from * places + to) + one_way(to * places + from);
      for (const int link : network.paths[from * places + to]) {
        Nanos& most = longest[static_cast<std::size_t>(link)];
        most = std::max(most, rtt);
      }
    }
  }
  return longest;
}

std::vector<Bytes> bandwidth_delay_products(const NetworkDescription& network) {
  const std::vector<Nanos> longest = round_trips(network);
  std::vector<BytesPerSecond> rates;
  for (const LinkSpec& link : network.links) rates.push_back(link.rate);
  for (const LinkTrace& trace : network.traces) {
    BytesPerSecond most{0};
    for (const LinkTrace::Row& row : trace.rows) most = std::max(most, row.rate.value_or(most));
    if (most.value > 0) rates[static_cast<std::size_t>(trace.link)] = most;
  }
  constexpr Bytes kEndless = Bytes{1} << 40;
  std::vector<Bytes> products;
  for (std::size_t i = 0; i < rates.size(); ++i) {
    const Wide product = Wide{rates[i].value} * longest[i].count() / kNanosPerSecond;
    products.push_back(
        rates[i] == kUnlimited ? kEndless : static_cast<Bytes>(std::min<Wide>(product, kEndless)));
  }
  return products;
}

std::vector<Bytes> queue_rooms(const NetworkDescription& network, double products, Bytes packet) {
  constexpr std::int64_t kLeastPackets = 64;
  std::vector<Bytes> rooms = bandwidth_delay_products(network);
  for (std::size_t i = 0; i < rooms.size(); ++i) {
    const Bytes own = network.links[i].queue;
    const Bytes room = own > 0 ? own : static_cast<Bytes>(static_cast<double>(rooms[i]) * products);
    rooms[i] = std::max(room, kLeastPackets * packet);
  }
  return rooms;
}

}  // namespace strait
