#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/base/text.h"
#include "netsim/event_rules.h"
#include "netsim/event_subjects.h"
#include "netsim/outages.h"
#include "netsim/trace_files.h"

namespace strait {
namespace {

// Smaller ones were packets and not transfers, and each is a connection.
constexpr Bytes kSmallestTransfer = 1'000;
constexpr Bytes kLargestTransfer = 1'000'000'000'000;

class EventReader {
 public:
  EventReader(const IslandNames& names, NetworkDescription& network)
      : subjects_(names, network), rules_(network), network_(network) {}

  void read(const CsvRow& row);

 private:
  using Read = void (EventReader::*)(const CsvRow&);
  struct Kind {
    std::string_view name;
    Read read;
  };
  static const std::array<Kind, 15> kKinds;

  void link_down(const CsvRow& row);
  void link_up(const CsvRow& row);
  void rate(const CsvRow& row);
  void delay(const CsvRow& row);
  void loss(const CsvRow& row);
  void trace(const CsvRow& row);
  void outages(const CsvRow& row);
  void flapping(const CsvRow& row);
  void background(const CsvRow& row);
  void ups_and_downs(const CsvRow& row, bool regular);
  void island_pause(const CsvRow& row);
  void island_speed(const CsvRow& row);
  void island_silent(const CsvRow& row);
  void island_kill(const CsvRow& row);
  void island_leave(const CsvRow& row);
  void island_join(const CsvRow& row);

  NetworkEvent& add(NetworkEventKind kind) {
    return network_.events.emplace_back(NetworkEvent{.time = time_, .kind = kind});
  }
  void no_value(const CsvRow& row) const;
  Nanos duration(const CsvRow& row) const;

  EventSubjects subjects_;
  EventRules rules_;
  NetworkDescription& network_;
  Nanos time_{0};  // the row's
};

const std::array<EventReader::Kind, 15> EventReader::kKinds{
    Kind{"link_down", &EventReader::link_down},
    Kind{"link_up", &EventReader::link_up},
    Kind{"rate", &EventReader::rate},
    Kind{"delay", &EventReader::delay},
    Kind{"loss", &EventReader::loss},
    Kind{"trace", &EventReader::trace},
    Kind{"outages", &EventReader::outages},
    Kind{"flapping", &EventReader::flapping},
    Kind{"background", &EventReader::background},
    Kind{"island_pause", &EventReader::island_pause},
    Kind{"island_speed", &EventReader::island_speed},
    Kind{"island_silent", &EventReader::island_silent},
    Kind{"island_kill", &EventReader::island_kill},
    Kind{"island_leave", &EventReader::island_leave},
    Kind{"island_join", &EventReader::island_join},
};

void EventReader::read(const CsvRow& row) {
  const Nanos time = row.quantity("time", parse_duration);
  if (time < time_) {
    row.refuse("time", fmt::format("'{}' is before the event above ({}); rows are in the order of "
                                   "time",
                                   row["time"], format_duration(time_)));
  }
  time_ = time;
  std::vector<std::string> known;
  for (const Kind& kind : kKinds) {
    if (kind.name == row["kind"]) return (this->*kind.read)(row);
    known.emplace_back(kind.name);
  }
  row.refuse("kind",
             fmt::format("'{}' is unknown; the kinds are {}", row["kind"], join(known, ", ")));
}

void EventReader::no_value(const CsvRow& row) const {
  if (row["value"].empty()) return;
  row.refuse("value", fmt::format("'{}' has no meaning here; leave it empty", row["value"]));
}

/// How long a thing lasts that begins now.
Nanos EventReader::duration(const CsvRow& row) const {
  const Nanos duration = row.quantity("value", parse_duration);
  if (duration == Nanos{0}) {
    row.refuse("value",
               fmt::format("an {} of 0 is none; write how long it lasts, e.g. 5s", row["kind"]));
  }
  if (time_ >= kNever - duration) {
    row.refuse("value", fmt::format("'{}' never ends; write e.g. 5s", row["value"]));
  }
  return duration;
}

// --- links ---

void EventReader::link_down(const CsvRow& row) {
  const auto links = subjects_.links(row).links;
  no_value(row);
  for (const int link : links) rules_.goes_down(row, time_, link);
  add(NetworkEventKind::kLinkDown).links = links;
}

void EventReader::link_up(const CsvRow& row) {
  const auto links = subjects_.links(row).links;
  no_value(row);
  for (const int link : links) rules_.comes_up(row, time_, link);
  add(NetworkEventKind::kLinkUp).links = links;
}

void EventReader::rate(const CsvRow& row) {
  const auto links = subjects_.links(row).links;
  const BytesPerSecond rate = read_rate(row, "value");
  for (const int link : links) rules_.changes(row, link);
  NetworkEvent& event = add(NetworkEventKind::kLinkRate);
  event.links = links;
  event.rate = rate;
}

void EventReader::delay(const CsvRow& row) {
  const auto links = subjects_.links(row).links;
  const Nanos delay = read_delay(row, "value");
  for (const int link : links) rules_.changes(row, link);
  NetworkEvent& event = add(NetworkEventKind::kLinkDelay);
  event.links = links;
  event.delay = delay;
}

void EventReader::loss(const CsvRow& row) {
  const auto links = subjects_.links(row).links;
  if (row["value"].empty()) row.refuse("value", "'' is empty; write e.g. 2%, or 0 for no loss");
  const std::int64_t loss = read_loss(row, "value");
  for (const int link : links) rules_.changes_loss(row, link);
  NetworkEvent& event = add(NetworkEventKind::kLinkLoss);
  event.links = links;
  event.loss_ppm = loss;
}

void EventReader::trace(const CsvRow& row) {
  const auto links = subjects_.links(row).links;
  if (links.size() != 1) {
    row.refuse("subject", fmt::format("'{}' is {} links; a trace is for one, e.g. {}",
                                      row["subject"], links.size(), subjects_.name(links.back())));
  }
  LinkTrace trace = read_trace(row, "value");
  trace.link = links.front();
  trace.start = time_;
  const bool sets_loss = std::any_of(trace.rows.begin(), trace.rows.end(),
                                     [](const auto& entry) { return entry.loss_ppm.has_value(); });
  rules_.follows_trace(row, time_, links.front(), sets_loss);
  network_.traces.push_back(std::move(trace));
}

void EventReader::outages(const CsvRow& row) { ups_and_downs(row, /*regular=*/false); }
void EventReader::flapping(const CsvRow& row) { ups_and_downs(row, /*regular=*/true); }

void EventReader::ups_and_downs(const CsvRow& row, bool regular) {
  LinkSubject subject = subjects_.links(row);
  LinkOutages outages{
      .name = std::move(subject.name), .links = std::move(subject.links), .start = time_};
  const auto means = split(row["value"], '/');
  const auto mean = [&](std::size_t i) -> Nanos {
    try {
      return parse_duration(means[i]);
    } catch (const BadQuantity& bad) {
      row.refuse("value", bad.what());
    }
  };
  if (means.size() != 2) {
    row.refuse("value", fmt::format("'{}' is not two durations; write how long it is up and how "
                                    "long down{}, e.g. 60s/3s",
                                    row["value"], regular ? "" : " on average"));
  }
  outages.regular = regular;
  outages.mean_up = mean(0);
  outages.mean_down = mean(1);
  if (std::min(outages.mean_up, outages.mean_down) < OutageGenerator::kShortest) {
    row.refuse("value", fmt::format("'{}' has a duration below {}; write e.g. 60s/3s", row["value"],
                                    format_duration(OutageGenerator::kShortest)));
  }
  for (const int link : outages.links) rules_.has_outages(row, time_, link, regular);
  network_.outages.push_back(std::move(outages));
}

void EventReader::background(const CsvRow& row) {
  const auto refuse = [&](const std::string& why) {
    row.refuse("value", fmt::format("'{}' {}; write the share of the rate that others use and the "
                                    "mean size of their transfers, e.g. 30%/1MB",
                                    row["value"], why));
  };
  const auto links = subjects_.links(row).links;
  const auto parts = split(row["value"], '/');
  if (parts.size() != 2) refuse("is not a share and a size");
  double share = 0;
  Bytes transfer = 0;
  try {
    share = parse_fraction(parts[0]);
    transfer = parse_bytes(parts[1]);
  } catch (const BadQuantity& bad) {
    row.refuse("value", bad.what());
  }
  if (share == 0) refuse("is no traffic");
  if (transfer < kSmallestTransfer || transfer > kLargestTransfer) {
    refuse(fmt::format("has no size from {} to {}", format_bytes(kSmallestTransfer),
                       format_bytes(kLargestTransfer)));
  }
  for (const int link : links) {
    const BytesPerSecond rate = network_.links[static_cast<std::size_t>(link)].rate;
    if (rate == kUnlimited) {
      row.refuse("subject", fmt::format("link {} has no limit, of which others could use a share; "
                                        "name one with a rate",
                                        subjects_.name(link)));
    }
    rules_.has_background(row, link);
    const auto load = static_cast<std::int64_t>(share * static_cast<double>(rate.value));
    network_.background.push_back({.link = link,
                                   .start = time_,
                                   .load = {std::max<std::int64_t>(1, load)},
                                   .transfer = transfer});
  }
}

// --- islands ---

void EventReader::island_pause(const CsvRow& row) {
  const IslandId island = subjects_.island(row);
  const Nanos lasts = duration(row);
  rules_.pauses(row, time_, island);
  NetworkEvent& event = add(NetworkEventKind::kIslandPause);
  event.island = island;
  event.duration = lasts;
}

/// Of a machine, so it may be slow also while the island is not there.
void EventReader::island_speed(const CsvRow& row) {
  const IslandId island = subjects_.island(row);
  const std::int64_t speed = row.quantity("value", parse_speed);
  NetworkEvent& event = add(NetworkEventKind::kIslandSpeed);
  event.island = island;
  event.speed_ppm = speed;
}

void EventReader::island_silent(const CsvRow& row) {
  const IslandId island = subjects_.island(row);
  const Nanos lasts = row["value"].empty() ? Nanos{0} : duration(row);
  rules_.falls_silent(row, time_, lasts, island);
  NetworkEvent& event = add(NetworkEventKind::kIslandSilent);
  event.island = island;
  event.duration = lasts;
}

void EventReader::island_kill(const CsvRow& row) {
  const IslandId island = subjects_.island(row);
  no_value(row);
  rules_.goes(row, time_, island);
  add(NetworkEventKind::kIslandKill).island = island;
}

void EventReader::island_leave(const CsvRow& row) {
  const IslandId island = subjects_.island(row);
  no_value(row);
  rules_.goes(row, time_, island);
  add(NetworkEventKind::kIslandLeave).island = island;
}

void EventReader::island_join(const CsvRow& row) {
  const IslandId island = subjects_.island(row);
  no_value(row);
  rules_.joins(row, time_, island);
  add(NetworkEventKind::kIslandJoin).island = island;
}

}  // namespace

void read_events(const std::string& path, const IslandNames& names, NetworkDescription& network) {
  EventReader reader(names, network);
  for (const CsvRow& row : CsvFile(path).rows("time,kind,subject,value")) reader.read(row);
}

}  // namespace strait
