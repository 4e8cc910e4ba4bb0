#include "netsim/network_csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/base/text.h"
#include "netsim/network_files.h"

namespace strait {
namespace {

/// A delay that no link has: somebody wrote s for ms.
constexpr Nanos kMaxDelay{60'000'000'000};

constexpr std::int64_t kPartsPerMillion = 1'000'000;

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

// --- values ---

BytesPerSecond read_rate(const CsvRow& row, std::string_view column) {
  const BytesPerSecond rate = row.quantity(column, parse_rate);
  if (rate.value == 0) {
    row.refuse(column, fmt::format("'{}' lets nothing through; write e.g. 20mbit, or take the link "
                                   "down with a link_down event",
                                   row[column]));
  }
  return rate;
}

Nanos read_delay(const CsvRow& row, std::string_view column) {
  const Nanos delay = row.quantity(column, parse_duration);
  if (delay > kMaxDelay) {
    row.refuse(column, fmt::format("'{}' is more than {}; write e.g. 20ms", row[column],
                                   format_duration(kMaxDelay)));
  }
  return delay;
}

std::int64_t read_loss(const CsvRow& row, std::string_view column) {
  if (row[column].empty()) return 0;
  const double loss = row.quantity(column, parse_fraction);
  const auto ppm = static_cast<std::int64_t>(loss * kPartsPerMillion + 0.5);
  if (ppm == kPartsPerMillion) {
    row.refuse(column, fmt::format("'{}' lets nothing through; write e.g. 2%, or take the link "
                                   "down with a link_down event",
                                   row[column]));
  }
  if (ppm == 0 && loss > 0) {
    row.refuse(column, fmt::format("'{}' is less than one segment in a million; write e.g. 0.1%",
                                   row[column]));
  }
  return ppm;
}

namespace {

Nanos read_jitter(const CsvRow& row, Nanos delay) {
  if (row["jitter"].empty()) return Nanos{0};
  const Nanos jitter = read_delay(row, "jitter");
  if (jitter > delay) {
    row.refuse("jitter",
               fmt::format("'{}' is more than the delay ({}), which varies by so much "
                           "both ways; write e.g. {}",
                           row["jitter"], format_duration(delay), format_duration(delay / 4)));
  }
  return jitter;
}

/// "0.5%/20": half a percent of the packets are lost in bursts of 20 on average.
Bursts read_bursts(const CsvRow& row) {
  const std::string& text = row["bursts"];
  if (text.empty()) return {};
  const auto refuse = [&](std::string_view why) {
    row.refuse("bursts", fmt::format("'{}' {}; write the share that is lost and the mean length of "
                                     "a burst in packets, e.g. 0.5%/20",
                                     text, why));
  };
  const auto parts = split(text, '/');
  if (parts.size() != 2) refuse("is not two numbers");
  std::int64_t length = 0;
  const auto [end, error] =
      std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), length);
  if (error != std::errc() || end != parts[1].data() + parts[1].size() || length < 1 ||
      length > 100'000) {
    refuse("has no length from 1 to 100000");
  }
  double share = 0;
  try {
    share = parse_fraction(parts[0]);
  } catch (const BadQuantity& bad) {
    row.refuse("bursts", bad.what());
  }
  if (share > 0.9) refuse("loses more than 90%");
  if (share == 0) return {};
  const double packets = static_cast<double>(length);
  const Bursts bursts{
      .begin_ppm = static_cast<std::int64_t>(1e6 * share / (share + packets * (1 - share)) + 0.5),
      .end_ppm = std::min(kPartsPerMillion / length, kPartsPerMillion - 1)};
  if (bursts.none()) refuse("begins less than one burst in a million packets");
  return bursts;
}

Bytes read_queue(const CsvRow& row) {
  if (row["queue"].empty()) return 0;
  const Bytes queue = row.quantity("queue", parse_bytes);
  if (queue == 0 || queue > Bytes{1} << 40) {
    row.refuse("queue",
               fmt::format("'{}' is no room from 1B to 1TiB; write e.g. 256KiB, or nothing "
                           "for what network.queue says",
                           row["queue"]));
  }
  return queue;
}

}  // namespace

LinkSpec read_link(const CsvRow& row) {
  LinkSpec link{.delay = read_delay(row, "delay"), .loss_ppm = read_loss(row, "loss")};
  link.jitter = read_jitter(row, link.delay);
  link.bursts = read_bursts(row);
  link.queue = read_queue(row);
  return link;
}

void check_name(const CsvRow& row, std::string_view column, const std::string& name) {
  const bool allowed = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
  if (name.empty() || !allowed || is_number(name)) {
    row.refuse(column, fmt::format("'{}' is no name; write letters, digits, - and _, not digits "
                                   "only, e.g. lyon",
                                   name));
  }
}

// --- who ---

IslandNames::IslandNames(std::span<const IslandSpec> islands) : islands_(islands) {
  for (std::size_t i = 0; i < islands.size(); ++i) {
    if (!islands[i].name.empty()) by_name_[islands[i].name] = static_cast<IslandId>(i);
  }
}

std::optional<IslandId> IslandNames::find(std::string_view text) const {
  if (const auto found = by_name_.find(text); found != by_name_.end()) return found->second;
  int number = -1;
  const auto error = std::from_chars(text.data(), text.data() + text.size(), number).ec;
  if (!is_number(text) || error != std::errc() || number >= count()) return std::nullopt;
  return number;
}

std::string IslandNames::numbers() const {
  return fmt::format("run.islands = {} makes 0 to {}{}", count(), count() - 1,
                     by_name_.empty() ? "" : ", or their names");
}

IslandId IslandNames::island(const CsvRow& row, std::string_view column,
                             std::string_view text) const {
  const auto island = find(text);
  if (!island) row.refuse(column, fmt::format("there is no island '{}'; {}", text, numbers()));
  return *island;
}

Selector IslandNames::selector(const CsvRow& row, std::string_view column) const {
  const std::string& text = row[column];
  if (text == "*") return {};
  if (const auto island = find(text)) return {Selector::Kind::kIsland, *island, {}};
  const bool region = std::any_of(islands_.begin(), islands_.end(), [&](const IslandSpec& island) {
    return island.region == text && !text.empty();
  });
  if (region) return {Selector::Kind::kRegion, -1, text};
  row.refuse(column, fmt::format("there is no island or region '{}'; {}, and * is all others", text,
                                 numbers()));
}

bool IslandNames::taken(std::string_view name) const {
  return find(name) || std::any_of(islands_.begin(), islands_.end(),
                                   [&](const IslandSpec& island) { return island.region == name; });
}

bool IslandNames::matches(const Selector& selector, IslandId island) const {
  switch (selector.kind) {
    case Selector::Kind::kIsland: return selector.island == island;
    case Selector::Kind::kRegion:
      return islands_[static_cast<std::size_t>(island)].region == selector.region;
    case Selector::Kind::kAll: break;
  }
  return true;
}

// --- all files ---

NetworkDescription read_network(const NetworkFiles& files, int islands, std::uint64_t seed) {
  NetworkDescription network;
  network.seed = seed;
  network.islands = files.islands.empty()
                        ? std::vector<IslandSpec>(static_cast<std::size_t>(islands))
                        : read_islands(files.islands, islands);
  network.places = islands;
  network.place_of_peer.push_back(0);  // the coordinator's
  for (int place = 0; place < islands; ++place) network.place_of_peer.push_back(place);
  const IslandNames names(network.islands);
  std::vector<Bottleneck> bottlenecks;
  if (!files.bottlenecks.empty()) bottlenecks = read_bottlenecks(files.bottlenecks, names);
  const auto via = read_links(files.links, names, bottlenecks, network);
  if (!files.regions.empty()) add_region_links(files.regions, names, network);
  add_bottlenecks(files.bottlenecks, names, bottlenecks, via, network);
  if (!files.events.empty()) read_events(files.events, names, network);
  return network;
}

}  // namespace strait
