#include "netsim/description.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <optional>

#include "core/base/errors.h"
#include "core/base/quantities.h"

// The only file with the CSV parser. Its reader thread would be wasted on files of this size.
#define CSV_IO_NO_THREAD
#pragma GCC diagnostic push
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wstringop-truncation"  // it terminates the string itself
#endif
#include <libfccp/csv.h>
#pragma GCC diagnostic pop

namespace strait {
namespace {

template <unsigned kColumns>
using CsvReader = io::CSVReader<kColumns, io::trim_chars<' ', '\t'>, io::no_quote_escape<','>,
                                io::throw_on_overflow, io::single_and_empty_line_comment<'#'>>;

/// A delay that no link has: somebody wrote s for ms.
constexpr Nanos kMaxDelay{60'000'000'000};

/// Where in which file, for messages.
struct Row {
  const std::string& path;
  unsigned line = 0;

  [[noreturn]] void refuse(std::string_view problem) const {
    throw UserError(fmt::format("{}:{}: {}", path, line, problem));
  }
  [[noreturn]] void refuse(std::string_view column, std::string_view problem) const {
    throw UserError(fmt::format("{}:{}: column '{}': {}", path, line, column, problem));
  }
};

/// The parser's own complaints, in our form. `columns` is the header line that the file needs.
template <class Read>
auto with_our_errors(const std::string& path, std::string_view columns, Read read) {
  const auto fail = [&](int line, std::string_view problem) -> UserError {
    const std::string where = line > 0 ? fmt::format("{}:{}", path, line) : path;
    return UserError(fmt::format("{}: {}; the columns are {}", where, problem, columns));
  };
  try {
    return read();
  } catch (const io::error::can_not_open_file& error) {
    throw UserError(
        fmt::format("{}: cannot be opened: {}", path, std::strerror(error.errno_value)));
  } catch (const io::error::header_missing&) {
    throw fail(0, "the file is empty");
  } catch (const io::error::missing_column_in_header& error) {
    throw fail(0, fmt::format("there is no column '{}'", error.column_name));
  } catch (const io::error::extra_column_in_header& error) {
    throw fail(0, fmt::format("column '{}' is unknown", error.column_name));
  } catch (const io::error::duplicated_column_in_header& error) {
    throw fail(0, fmt::format("column '{}' is there twice", error.column_name));
  } catch (const io::error::too_few_columns& error) {
    throw fail(error.file_line, "a column is missing (an empty one needs its comma too)");
  } catch (const io::error::too_many_columns& error) {
    throw fail(error.file_line, "there are too many columns");
  } catch (const io::error::base& error) {
    throw UserError(fmt::format("{}: {}", path, error.what()));
  }
}

/// A quantity of one column; what the parser says goes behind file, line and column.
template <class Parser>
auto quantity(const Row& row, std::string_view column, const std::string& text, Parser parser) {
  try {
    return parser(text);
  } catch (const BadQuantity& bad) {
    row.refuse(column, bad.what());
  }
}

IslandId find_island(const Row& row, std::string_view column, std::string_view text,
                     const IslandNames& islands) {
  for (std::size_t i = 0; i < islands.names.size(); ++i) {
    if (islands.names[i] == text) return static_cast<IslandId>(i);
  }
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = error == std::errc() && end == text.data() + text.size() && !text.empty();
  if (is_number && number >= 0 && number < islands.count) return number;
  row.refuse(column, fmt::format("there is no island '{}'; run.islands = {} makes 0 to {}{}", text,
                                 islands.count, islands.count - 1,
                                 islands.names.empty() ? "" : ", or their names"));
}

BytesPerSecond link_rate(const Row& row, std::string_view column, const std::string& text) {
  const BytesPerSecond rate = quantity(row, column, text, parse_rate);
  if (rate.value == 0) {
    row.refuse(column, fmt::format("'{}' lets nothing through; write e.g. 20mbit, or take the link "
                                   "down with a link_down event",
                                   text));
  }
  return rate;
}

Nanos link_delay(const Row& row, const std::string& text) {
  const Nanos delay = quantity(row, "delay", text, parse_duration);
  if (delay > kMaxDelay) {
    row.refuse("delay", fmt::format("'{}' is more than {}; write e.g. 20ms", text,
                                    format_duration(kMaxDelay)));
  }
  return delay;
}

// --- events ---

/// "2", "two", "2.up" or "2.down".
void read_subject(const Row& row, std::string_view text, const IslandNames& islands,
                  NetworkEvent& event) {
  const bool up = text.ends_with(".up") && text.size() > 3;
  const bool down = text.ends_with(".down") && text.size() > 5;
  const std::string_view name = up || down ? text.substr(0, text.rfind('.')) : text;
  const bool pause = event.kind == NetworkEventKind::kIslandPause;
  if (pause && (up || down)) {
    row.refuse("subject", fmt::format("'{}' is one direction of a link; an island_pause is for an "
                                      "island, e.g. {}",
                                      text, name));
  }
  const IslandId island = find_island(row, "subject", name, islands);
  if (pause) {
    event.island = island;
  } else {
    event.links = access_links(island, up     ? Direction::kUp
                                       : down ? Direction::kDown
                                              : Direction::kBoth);
  }
}

void read_value(const Row& row, const std::string& text, NetworkEvent& event) {
  if (event.kind != NetworkEventKind::kIslandPause) {
    if (!text.empty()) {
      row.refuse("value", fmt::format("'{}' has no meaning here; leave it empty", text));
    }
    return;
  }
  event.duration = quantity(row, "value", text, parse_duration);
  if (event.duration == Nanos{0}) {
    row.refuse("value", "an island_pause of 0 is none; write how long it lasts, e.g. 5s");
  }
  if (event.time >= kNever - event.duration) row.refuse("value", "the pause never ends");
}

NetworkEventKind event_kind(const Row& row, std::string_view text) {
  if (text == "link_down") return NetworkEventKind::kLinkDown;
  if (text == "link_up") return NetworkEventKind::kLinkUp;
  if (text == "island_pause") return NetworkEventKind::kIslandPause;
  row.refuse("kind",
             fmt::format("'{}' is unknown; the kinds are link_down, link_up, island_pause", text));
}

/// Follows which links are down, so that every link_up ends a link_down.
class Outages {
 public:
  explicit Outages(int islands) : down_since_(2 * static_cast<std::size_t>(islands)) {}

  void check(const Row& row, std::string_view subject, const NetworkEvent& event) {
    for (const int link : event.links) {
      check_direction(row, subject, event, down_since_[static_cast<std::size_t>(link)]);
    }
  }

 private:
  static void check_direction(const Row& row, std::string_view subject, const NetworkEvent& event,
                              std::optional<Nanos>& since) {
    const bool goes_down = event.kind == NetworkEventKind::kLinkDown;
    if (goes_down && since) {
      row.refuse("subject", fmt::format("link {} is down already, since {}", subject,
                                        format_duration(*since)));
    }
    if (!goes_down && !since) {
      row.refuse("subject", fmt::format("link {} is not down here; a link_up follows a link_down "
                                        "of the same subject",
                                        subject));
    }
    if (!goes_down && *since == event.time) {
      row.refuse("time", fmt::format("the outage of link {} ends when it begins, at {}", subject,
                                     format_duration(*since)));
    }
    since = goes_down ? std::optional(event.time) : std::nullopt;
  }

  std::vector<std::optional<Nanos>> down_since_;  // by link
};

}  // namespace

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
    network.links.push_back({fmt::format("{}.up", i), link.up, link.delay, link.loss_ppm});
    network.links.push_back({fmt::format("{}.down", i), link.down, link.delay, link.loss_ppm});
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

std::vector<AccessLink> read_links(const std::string& path, const IslandNames& islands) {
  std::vector<std::optional<AccessLink>> links(static_cast<std::size_t>(islands.count));
  std::optional<AccessLink> otherwise;
  with_our_errors(path, "island,up,down,delay", [&] {
    CsvReader<4> csv(path);
    csv.read_header(io::ignore_no_column, "island", "up", "down", "delay");
    std::string island, up, down, delay;
    while (csv.read_row(island, up, down, delay)) {
      const Row row{path, csv.get_file_line()};
      auto& link =
          island == "*"
              ? otherwise
              : links[static_cast<std::size_t>(find_island(row, "island", island, islands))];
      if (link)
        row.refuse("island", fmt::format("there is a row for '{}' already; keep one", island));
      link = AccessLink{link_rate(row, "up", up), link_rate(row, "down", down),
                        link_delay(row, delay)};
    }
  });
  std::vector<AccessLink> result;
  for (std::size_t i = 0; i < links.size(); ++i) {
    if (!links[i] && !otherwise) {
      throw UserError(
          fmt::format("{}: no row for island {}; add one, or a row for all others: "
                      "*,20mbit,20mbit,20ms",
                      path, i));
    }
    result.push_back(links[i] ? *links[i] : *otherwise);
  }
  return result;
}

std::vector<NetworkEvent> read_events(const std::string& path, const IslandNames& islands) {
  std::vector<NetworkEvent> events;
  Outages outages(islands.count);
  with_our_errors(path, "time,kind,subject,value", [&] {
    CsvReader<4> csv(path);
    csv.read_header(io::ignore_no_column, "time", "kind", "subject", "value");
    std::string time, kind, subject, value;
    while (csv.read_row(time, kind, subject, value)) {
      const Row row{path, csv.get_file_line()};
      NetworkEvent event;
      event.time = quantity(row, "time", time, parse_duration);
      if (!events.empty() && event.time < events.back().time) {
        row.refuse("time", fmt::format("'{}' is before the event above ({}); rows are in the "
                                       "order of time",
                                       time, format_duration(events.back().time)));
      }
      event.kind = event_kind(row, kind);
      read_subject(row, subject, islands, event);
      read_value(row, value, event);
      outages.check(row, subject, event);
      events.push_back(event);
    }
  });
  return events;
}

}  // namespace strait
