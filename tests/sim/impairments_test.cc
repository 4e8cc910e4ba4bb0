// Jitter, bursts of loss, and what others send: what makes a link worse than its rate and delay.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "netsim/emulated_network.h"
#include "netsim/jitter.h"
#include "netsim/playback.h"
#include "tests/conformance/stream_conformance.h"
#include "tests/sim/model_world.h"
#include "tests/support/catch.h"
#include "tests/support/plain_loop.h"

namespace strait {
namespace {

using conformance::kA;
using conformance::kB;
using conformance::make_slice;
using conformance::Side;

// --- jitter ---

// Draws every 20 ms, evenly in [-m, m], and lines between: the variance is 2/9 m^2, and 10,000
// draws give it to 2 %, the mean to 1 % of m.
TEST_CASE("jitter has the mean and the spread it should", "[jitter]") {
  Jitter jitter(ms(5), 1, "0.up");
  std::vector<double> values;
  for (Nanos time{0}; time < ms(200'000); time += Nanos{777'777}) {
    values.push_back(static_cast<double>(jitter.at(time).count()) / 5e6);
  }
  for (const double value : values) REQUIRE(std::abs(value) <= 1);
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double square = 0;
  for (const double value : values) square += value * value;
  CHECK(std::abs(mean) < 0.02);
  CHECK(std::sqrt(square / n) == Approx(std::sqrt(2.0 / 9)).epsilon(0.03));
}

TEST_CASE("jitter is a function of time, seed and link", "[jitter]") {
  Jitter one(ms(5), 1, "0.up"), same(ms(5), 1, "0.up"), other_seed(ms(5), 2, "0.up"),
      other_link(ms(5), 1, "1.up");
  std::vector<Nanos> there;
  int differ = 0;
  for (int i = 0; i < 100; ++i) there.push_back(one.at(ms(7) * i));
  for (int i = 99; i >= 0; --i) {  // in any order
    CHECK(same.at(ms(7) * i) == there[static_cast<std::size_t>(i)]);
    differ += other_seed.at(ms(7) * i) != one.at(ms(7) * i);
    differ += other_link.at(ms(7) * i) != one.at(ms(7) * i);
  }
  CHECK(differ > 190);
  CHECK(Jitter().at(ms(7)) == Nanos{0});
}

TEST_CASE("jitter moves every delivery by what it is and keeps the order", "[jitter]") {
  const auto congestion = GENERATE(CongestionControl::kIdeal, CongestionControl::kCubic);
  TcpOptions tcp;
  tcp.congestion = congestion;
  ModelWorld world(tcp);
  const auto add = [&](const char* name, Nanos jitter) {
    world.model.add_link({.rate = kUnlimited, .delay = ms(20), .name = name, .jitter = jitter});
  };
  add("there", ms(20));
  add("back", Nanos{0});
  const LinkId there[] = {static_cast<LinkId>(0)}, back[] = {static_cast<LinkId>(1)};
  const FlowId flow = world.model.connect(there, back, Nanos{0}).forward;
  Jitter jitter(ms(20), 1, "there");
  constexpr int kMessages = 200;
  for (int i = 0; i < kMessages; ++i) {
    world.run_until(ms(100 + 10 * i));
    world.model.offer(flow, 100, ms(100 + 10 * i));
  }
  world.run_until(ms(4'000));
  Nanos before{0};
  int moved = 0;
  for (int i = 0; i < kMessages; ++i) {
    const Nanos sent = ms(100 + 10 * i);
    const Nanos due = sent + ms(20) + jitter.at(sent);
    const Nanos arrived = world.arrival(flow, 100 * (i + 1));
    REQUIRE(arrived >= before);
    REQUIRE(arrived == std::max(due, before));
    moved += arrived != sent + ms(20);
    before = arrived;
  }
  CHECK(moved > 190);
}

// --- bursts ---

TEST_CASE("ideal links lose in bursts as many as TCP's", "[bursts]") {
  const Bursts bursts{.begin_ppm = 1'000, .end_ppm = 100'000};  // 1 %, ten at a time
  ModelWorld world;
  world.model.add_link({.rate = megabits(100), .delay = ms(1), .name = "there", .bursts = bursts});
  world.model.add_link({.rate = megabits(100), .delay = ms(1), .name = "back"});
  const LinkId there[] = {static_cast<LinkId>(0)}, back[] = {static_cast<LinkId>(1)};
  const FlowId flow = world.model.connect(there, back, Nanos{0}).forward;
  constexpr std::int64_t kSegments = 100'000;
  world.model.offer(flow, kSegments * 1'448, Nanos{0});
  world.run_until_idle();
  const auto again = static_cast<double>(world.model.counters(there[0]).retransmitted) / 1'448;
  CHECK(again / kSegments == Approx(0.01).epsilon(0.1));
}

// --- others ---

/// Two islands with 8 Mbit/s and 20 ms each; what others send passes the uplink of the first.
NetworkDescription shared_by_others(double share, Bytes transfer) {
  const AccessLink link{kByteAMicrosecond, kByteAMicrosecond, ms(20)};
  NetworkDescription network = describe_network({link, link});
  const auto load = static_cast<std::int64_t>(share * 1e6);
  if (share > 0) network.background = {{.link = up_link(0), .load = {load}, .transfer = transfer}};
  return network;
}

TEST_CASE("others begin transfers at random that make the load", "[background]") {
  LinkPlayback playback(shared_by_others(0.3, 100'000)), again(shared_by_others(0.3, 100'000));
  double bytes = 0;
  Nanos before{0};
  std::int64_t transfers = 0;
  for (; playback.next() < ms(10'000'000); ++transfers) {
    const LinkChange change = playback.take(), same = again.take();
    REQUIRE(change.time >= before);
    REQUIRE(change.transfer >= 1);
    REQUIRE((same.time == change.time && same.transfer == change.transfer));
    REQUIRE(change.links == std::vector<int>{up_link(0)});
    bytes += static_cast<double>(change.transfer);
    before = change.time;
  }
  // 30,000 transfers: sums are good to about 1 %.
  CHECK(static_cast<double>(transfers) == Approx(30'000).epsilon(0.03));
  CHECK(bytes == Approx(0.3 * 1e6 * 10'000).epsilon(0.03));
}

struct Shared {
  PlainLoop loop;
  Trace trace;
  EmulatedNetwork network;
  Side a, b;
  Nanos arrived{-1};

  Shared(const NetworkDescription& description, CongestionControl congestion, Bytes size)
      : network(loop, trace, description, {.tcp = {.congestion = congestion}}) {
    network.endpoint(kB).listen(
        [this](PeerId, std::unique_ptr<Stream> stream) { b.take(std::move(stream)); });
    a.take(network.endpoint(kA).dial(kB, Plane::kData));
    b.on_arrived = [this] { arrived = loop.now(); };
    a.offer(make_slice(static_cast<std::size_t>(size)));
  }
};

TEST_CASE("what others send takes time and counts as theirs", "[background]") {
  const auto congestion =
      GENERATE(CongestionControl::kIdeal, CongestionControl::kCubic, CongestionControl::kBbr);
  Shared alone(shared_by_others(0, 0), congestion, 5'000'000);
  Shared shared(shared_by_others(0.5, 50'000), congestion, 5'000'000);
  for (Shared* world : {&alone, &shared}) world->loop.run_until(ms(60'000));
  REQUIRE(alone.arrived > ms(5'000));
  // The half that is left, more or less: what others begin is no part of a fair share at once.
  CHECK(shared.arrived > alone.arrived * 5 / 4);
  CHECK(shared.arrived < alone.arrived * 4);
  const auto rows = shared.network.link_table();
  REQUIRE(rows.size() == 4);
  const LinkCounters& there = rows[static_cast<std::size_t>(up_link(0))].counters;
  CHECK(static_cast<double>(there.background) == Approx(0.5 * 60e6).epsilon(0.25));
  CHECK(there.payload == 5'000'000);
  CHECK(there.entered.header == there.header);
  for (const int other : {down_link(0), up_link(1), down_link(1)}) {
    CHECK(rows[static_cast<std::size_t>(other)].counters.background == 0);
  }
  if (congestion == CongestionControl::kIdeal) return;
  CHECK(there.everything() == there.delivered + there.dropped + there.lost +
                                  rows[static_cast<std::size_t>(up_link(0))].in_flight);
}

TEST_CASE("others that cannot get through do not pile up without end", "[background]") {
  NetworkDescription network = shared_by_others(1, 2'000);
  network.events = {link_event(ms(1'000), NetworkEventKind::kLinkDown, 0),
                    link_event(ms(61'000), NetworkEventKind::kLinkUp, 0)};
  Shared world(network, CongestionControl::kCubic, 1'000);
  world.loop.run_until(ms(61'000));
  const auto handshakes = world.network.model().events();
  CHECK(handshakes < 200'000);  // 30,000 transfers would have begun meanwhile
  world.loop.run_until(ms(200'000));
  // The link is used again.
  CHECK(world.network.link_table()[0].counters.background > 50'000'000);
}

TEST_CASE("others use the link of an island that is alone", "[background]") {
  NetworkDescription network = describe_network({{kByteAMicrosecond, kByteAMicrosecond, ms(20)}});
  network.background = {{.link = up_link(0), .load = {500'000}, .transfer = 20'000}};
  PlainLoop loop;
  Trace trace;
  const EmulatedNetwork world(loop, trace, network, {});
  loop.run_until(ms(20'000));
  CHECK(world.link_table()[0].counters.background > 5'000'000);
}

TEST_CASE("what others send is the same for the same seed only", "[background]") {
  const auto hash = [](std::uint64_t seed) {
    NetworkDescription network = shared_by_others(0.5, 200'000);
    network.seed = seed;
    Shared world(network, CongestionControl::kCubic, 1'000'000);
    world.loop.run_until(ms(20'000));
    return std::pair(world.arrived, world.network.link_table()[0].counters.background);
  };
  CHECK(hash(1) == hash(1));
  CHECK(hash(1) != hash(2));
}

}  // namespace
}  // namespace strait
