// What network is emulated, as values: the links, the path between each two islands, what happens
// to links and islands on the way, and what is special about each island.
//
// netsim/network_files.h reads it from CSV files; tests describe the usual shape, one access link
// per island, with describe_network. Numbers of links are indices into `links`.
//
// Plain values, fixed before a run; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/units.h"
#include "netsim/ids.h"
#include "netsim/loss.h"

namespace strait {

/// A directed physical link.
struct LinkSpec {
  std::string name;  // "2.up", "0>3", "atlantic"; keys what is random about it
  BytesPerSecond rate = kUnlimited;
  Nanos delay{0};             // one way
  std::int64_t loss_ppm = 0;  // of segments, parts per million
  Nanos jitter{0};            // the delay is at most so much more or less; at most the delay
  Bursts bursts{};            // of lost segments, beside `loss_ppm`
  Bytes queue = 0;            // room of its queue; 0 = as network.queue says
};

/// But for the name.
bool alike(const LinkSpec& a, const LinkSpec& b);

/// In bursts and otherwise, parts per million.
std::int64_t lost_ppm(const LinkSpec& link);

/// "20ms", "20ms+-5ms"; "0.1%", "0.1% + bursts 0.5%/20", "" if nothing is lost.
std::string delay_text(const LinkSpec& link);
std::string loss_text(const LinkSpec& link);

enum class NetworkEventKind {
  kLinkDown,
  kLinkUp,
  kLinkRate,
  kLinkDelay,
  kLinkLoss,
  kIslandPause,
  kIslandSpeed,
  kIslandSilent,
  kIslandKill,
  kIslandLeave,
  kIslandJoin
};

struct NetworkEvent {
  Nanos time{0};
  NetworkEventKind kind = NetworkEventKind::kLinkDown;
  std::vector<int> links{};    // by index, for link events
  IslandId island = -1;        // for island events
  Nanos duration{0};           // pause; silent, where 0 = for good
  BytesPerSecond rate{};       // kLinkRate
  Nanos delay{0};              // kLinkDelay
  std::int64_t loss_ppm = 0;   // kLinkLoss
  std::int64_t speed_ppm = 0;  // kIslandSpeed: times as fast as usual, in parts per million
};

/// Rate, delay and loss of a link as they were measured: piecewise constant, again and again, or
/// once.
struct LinkTrace {
  struct Row {
    Nanos time{0};  // since the repetition began; the first is 0, each later than the one before
    std::optional<BytesPerSecond> rate{};  // none = as before
    std::optional<Nanos> delay{};
    std::optional<std::int64_t> loss_ppm{};
  };
  int link = 0;
  Nanos start{0};   // of the first repetition
  Nanos period{0};  // later than the last row; 0 = once: the last row holds for good
  std::vector<Row> rows;
  std::string source{};  // for people: "lte.up, mahimahi in steps of 20ms"
};

/// Links that go down and up together again and again, at random or regularly (netsim/outages.h
/// says when).
struct LinkOutages {
  std::string name;  // of the links together, islands by number; keys the generator
  std::vector<int> links;
  Nanos start{0};  // up until the first outage after it
  Nanos mean_up{0};
  Nanos mean_down{0};
  bool regular = false;  // always as long as the mean
};

/// What others send over a link: transfers that begin at random (a Poisson process), of
/// exponential sizes, each over a TCP connection of its own.
struct LinkBackground {
  int link = 0;
  Nanos start{0};
  BytesPerSecond load{};  // of payload, on average
  Bytes transfer = 0;     // mean size
};

struct IslandSpec {
  std::string name;                    // empty = only its number
  std::string region;                  // empty = none
  std::optional<Nanos> step{};         // compute per inner step, else compute.step
  std::int64_t speed_ppm = 1'000'000;  // of compute.step: times as fast, in parts per million
  std::optional<double> jitter{};      // else compute.jitter
  Nanos start{0};  // joins the run then, without an event; 0 = there from the start
};

struct NetworkDescription {
  std::vector<LinkSpec> links;
  int places = 0;  // one per island: what messages travel between
  /// By index_of(peer). Peers in one place talk without passing a link.
  std::vector<int> place_of_peer;
  /// [from * places + to]: link indices in order; empty within a place, at most kMaxHops.
  std::vector<std::vector<int>> paths;
  std::vector<NetworkEvent> events;  // in the order of time
  std::vector<LinkTrace> traces;
  std::vector<LinkOutages> outages;
  std::vector<LinkBackground> background;  // at most one of a link
  std::vector<IslandSpec> islands;         // by island
  std::uint64_t seed = 1;                  // everything random in the network follows from it

  const std::vector<int>& path(int from, int to) const {
    return paths[static_cast<std::size_t>(from * places + to)];
  }
};

/// Of each link: the longest round trip of the paths it is on, without queues.
std::vector<Nanos> round_trips(const NetworkDescription& network);

/// Of each link: its rate (the largest of its trace) times its longest round trip; what a queue
/// should hold. A terabyte if the rate has no limit.
std::vector<Bytes> bandwidth_delay_products(const NetworkDescription& network);

/// Of each link: the room of its queue. What its own row says, or else so many of those products;
/// but never less than 64 packets of `packet` bytes.
std::vector<Bytes> queue_rooms(const NetworkDescription& network, double products, Bytes packet);

// --- islands with one access link each: the short form ---

/// An island's connection to the rest; both directions have the same delay and loss.
struct AccessLink {
  BytesPerSecond up = kUnlimited;
  BytesPerSecond down = kUnlimited;
  Nanos delay{0};
  std::int64_t loss_ppm = 0;
  Nanos jitter{0};
  Bursts bursts{};
  Bytes queue = 0;

  LinkSpec link(std::string name, BytesPerSecond rate) const {
    return {std::move(name), rate, delay, loss_ppm, jitter, bursts, queue};
  }
};

enum class Direction { kBoth, kUp, kDown };

/// Where describe_network puts the access links of island i.
constexpr int up_link(IslandId island) { return 2 * island; }
constexpr int down_link(IslandId island) { return 2 * island + 1; }
std::vector<int> access_links(IslandId island, Direction direction = Direction::kBoth);

/// Island i at place i with the links up_link(i) and down_link(i), and the coordinator beside one
/// of them.
NetworkDescription describe_network(std::vector<AccessLink> links,
                                    std::vector<NetworkEvent> events = {},
                                    IslandId coordinator_beside = 0);

/// An event of an island's access link.
NetworkEvent link_event(Nanos time, NetworkEventKind kind, IslandId island,
                        Direction direction = Direction::kBoth);

/// The path from one place to another, as it is when a run begins and no event has changed it.
struct PathFigures {
  BytesPerSecond rate = kUnlimited;  // of the narrowest link
  Nanos delay{0};                    // one way
  std::int64_t loss_ppm = 0;         // of segments, over all links
};
PathFigures path_figures(const NetworkDescription& network, int from, int to);

/// One line for people: "20mbit up, 20mbit down, 20ms per access link: RTT 80ms between islands",
/// or the smallest and largest figures where links differ.
std::string network_summary(const NetworkDescription& network);

}  // namespace strait
