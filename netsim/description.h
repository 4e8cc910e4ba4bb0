// What network is emulated: the access link of each island and what happens to them, as values and
// from CSV files (scenarios/links/*.csv). Reading happens before a run; every mistake is a
// UserError of one line with file, line, column, the value and a right one.
//
//   links.csv                          events.csv
//     island,up,down,delay               time,kind,subject,value
//     *,100mbit,100mbit,10ms             10s,link_down,2,
//     2,20mbit,5mbit,40ms                12s,link_up,2,
//                                        30s,link_down,1.up,
//                                        60s,island_pause,3,5s
//
// `*` is the row of the islands that have none. `delay` is one way, of the access link: the delay
// of a path is that of the sender's link plus that of the receiver's. Rates may be `inf`. Lines
// that begin with # and empty lines are skipped. Events are in the order of time; a subject is an
// island, by number or name, or one direction of its link.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/ids.h"
#include "core/base/units.h"

namespace strait {

/// An island's connection to the rest; both directions have the same delay.
struct AccessLink {
  BytesPerSecond up = kUnlimited;
  BytesPerSecond down = kUnlimited;
  Nanos delay{0};
};

enum class NetworkEventKind { kLinkDown, kLinkUp, kIslandPause };

struct NetworkEvent {
  Nanos time{0};
  NetworkEventKind kind = NetworkEventKind::kLinkDown;
  IslandId island = 0;
  bool up = true;     // for links: the direction away from the island
  bool down = true;   // and the one to it
  Nanos duration{0};  // for pauses
};

struct NetworkDescription {
  /// A place is what has an access link: one per island.
  std::vector<AccessLink> places;
  /// By index_of(peer). Peers in one place talk without passing a link.
  std::vector<int> place_of_peer;
  std::vector<NetworkEvent> events;
};

/// Island i at place i, and the coordinator beside one of them.
NetworkDescription describe_network(std::vector<AccessLink> links,
                                    std::vector<NetworkEvent> events = {},
                                    IslandId coordinator_beside = 0);

/// How files may call the islands: by number always, by name if they have names.
struct IslandNames {
  int count = 0;
  std::vector<std::string> names;  // empty, or one per island
};

std::vector<AccessLink> read_links(const std::string& path, const IslandNames& islands);
std::vector<NetworkEvent> read_events(const std::string& path, const IslandNames& islands);

}  // namespace strait
