// The networks of the scenario library are what scenarios/README.md says: parsed, described, and
// the figures of their paths worked out by hand from the files.
#include <filesystem>
#include <map>
#include <set>

#include "core/config/load.h"
#include "netsim/network_files.h"
#include "netsim/outages.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

const fs::path kFolder = fs::path(STRAIT_SOURCE_DIR) / "scenarios";

struct Described {
  RunConfig config;
  NetworkDescription network;

  /// From island to island: the sum of delays, the narrowest rate, the names of the links.
  Nanos delay(int from, int to) const {
    Nanos sum{0};
    for (const int link : network.path(from, to)) sum += at(link).delay;
    return sum;
  }
  BytesPerSecond rate(int from, int to) const {
    BytesPerSecond narrowest = kUnlimited;
    for (const int link : network.path(from, to)) {
      narrowest = std::min(narrowest, at(link).rate);
    }
    return narrowest;
  }
  std::string links(int from, int to) const {
    std::string names;
    for (const int link : network.path(from, to)) names += at(link).name + " ";
    return names;
  }
  const LinkSpec& at(int link) const { return network.links[static_cast<std::size_t>(link)]; }
};

Described describe(const std::string& name) {
  const RunConfig config = load_config(kFolder / (name + ".ini"), {}).config;
  const NetworkSettings& n = config.network;
  return {config, read_network({n.links, n.islands, n.bottlenecks, n.events, n.regions},
                               config.run.islands, config.run.seed)};
}

TEST_CASE("every scenario's network can be read", "[library]") {
  int found = 0;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() != ".ini") continue;
    CAPTURE(entry.path());
    const Described scenario = describe(entry.path().stem());
    for (int from = 0; from < scenario.network.places; ++from) {
      for (int to = 0; to < scenario.network.places; ++to) {
        CHECK(scenario.network.path(from, to).empty() == (from == to));
      }
    }
    ++found;
  }
  CHECK(found >= 12);
}

TEST_CASE("every file of a network is named by a scenario", "[library]") {
  std::map<fs::path, int> unnamed;
  for (const char* folder : {"links", "islands", "regions", "bottlenecks", "events"}) {
    for (const auto& entry : fs::directory_iterator(kFolder / folder)) ++unnamed[entry.path()];
  }
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() != ".ini") continue;
    const NetworkSettings n = load_config(entry.path(), {}).config.network;
    for (const auto& path : {n.links, n.islands, n.regions, n.bottlenecks, n.events}) {
      unnamed.erase(path);
    }
  }
  for (const auto& [path, _] : unnamed) FAIL_CHECK(path << " belongs to no scenario");
}

TEST_CASE("home_dsl has three usual lines and one that is slow", "[library]") {
  const Described s = describe("home_dsl");
  CHECK(s.config.run.islands == 4);
  CHECK(s.delay(0, 1) == 30ms);
  CHECK(s.rate(0, 1) == megabits(14));
  CHECK(s.rate(0, 3) == megabits(10));
  CHECK(s.rate(3, 0) == megabits(1));
  CHECK(s.delay(3, 0) + s.delay(0, 3) == 80ms);
  CHECK(s.at(0).loss_ppm == 500);
}

TEST_CASE("transatlantic has a link per pair, and the ocean in between", "[library]") {
  const Described s = describe("transatlantic");
  CHECK(s.network.links.size() == 12);
  CHECK(s.links(0, 2) == "0>2 ");
  CHECK(s.delay(0, 1) + s.delay(1, 0) == 14ms);
  CHECK(s.delay(2, 3) + s.delay(3, 2) == 18ms);
  CHECK(s.delay(0, 2) + s.delay(2, 0) == 92ms);
  CHECK(s.delay(1, 2) + s.delay(2, 1) == 76ms);
  CHECK(s.delay(1, 3) == 36ms);
  CHECK(s.rate(0, 1) == megabits(1000));
  CHECK(s.rate(0, 3) == megabits(200));
  // One bandwidth-delay product of the longest path is 2.3 MB, under the window's cap.
  CHECK(transfer_time(s.config.network.window, s.rate(0, 2)) > s.delay(0, 2) + s.delay(2, 0));
}

// 30 rounds of 20 steps of 50 ms are 30 s at least, in which each island is away about once.
TEST_CASE("flaky_wifi drops every island out at times of its own", "[library]") {
  const Described s = describe("flaky_wifi");
  REQUIRE(s.network.outages.size() == 4);
  const Nanos least = s.config.run.rounds * s.config.run.inner_steps * s.config.compute.step;
  CHECK(least == 30s);
  int in_time = 0;
  std::vector<Nanos> firsts;
  for (std::size_t i = 0; i < 4; ++i) {
    const LinkOutages& outages = s.network.outages[i];
    CHECK(outages.links.size() == 2);
    CHECK(outages.mean_up == 30s);
    CHECK(outages.mean_down == 2s);
    firsts.push_back(OutageGenerator(s.network.seed, outages).next().time);
    in_time += firsts.back() < least;
  }
  CHECK(in_time >= 1);
  CHECK(std::set(firsts.begin(), firsts.end()).size() == 4);
  CHECK(s.at(0).loss_ppm == 10'000);
}

// The rule in the header of the trace, again.
TEST_CASE("lte follows a trace that is what its rule says", "[library]") {
  const Described s = describe("lte");
  REQUIRE(s.network.traces.size() == 8);
  const std::int64_t loads[] = {10, 7, 9, 5, 8, 6};
  for (const LinkTrace& trace : s.network.traces) {
    const bool down = trace.link % 2 == 1;
    CAPTURE(trace.link);
    CHECK(trace.start == trace.link / 2 * 13s);
    CHECK(trace.period == 120s);
    CHECK(trace.rows.size() == 123);  // a row a second, and two for each handover
    for (const LinkTrace::Row& row : trace.rows) {
      REQUIRE(row.rate);
      const std::int64_t t = row.time / 1s, x = t % 40, near = 20 - std::abs(20 - x);
      if (x == 0 && row.time == t * 1s) {
        CHECK(*row.rate == BytesPerSecond{62'500});
        CHECK(row.delay == 150ms);
        continue;
      }
      const std::int64_t tenths = (40 + near * near) * loads[t % 6] * (down ? 4 : 1) / 40;
      CHECK(*row.rate == BytesPerSecond{tenths * 12'500});
    }
  }
}

TEST_CASE("continents has delays between its regions on top of its access links", "[library]") {
  const Described s = describe("continents");
  const auto rtt = [&](int a, int b) { return s.delay(a, b) + s.delay(b, a); };
  CHECK(rtt(0, 1) == 4ms);
  CHECK(rtt(4, 5) == 4ms);
  CHECK(rtt(0, 3) == 92ms);
  CHECK(rtt(2, 5) == 152ms);
  CHECK(rtt(1, 4) == 228ms);
  CHECK(s.rate(0, 3) == megabits(500));
  CHECK(s.rate(0, 4) == megabits(200));
  CHECK(s.links(3, 4) == "3.up us>asia 4.down ");
  REQUIRE(s.network.outages.size() == 1);
  CHECK(s.network.outages[0].regular);
  CHECK(s.network.outages[0].links.size() == 2);
}

TEST_CASE("satellite has round trips of 684 ms to the ground and 1.36 s to the other farm",
          "[library]") {
  const Described s = describe("satellite");
  CHECK(s.delay(2, 0) + s.delay(0, 2) == 684ms);
  CHECK(s.delay(2, 3) + s.delay(3, 2) == 1360ms);
  CHECK(s.delay(0, 1) == 4ms);
  CHECK(s.rate(2, 0) == megabits(3));
  CHECK(s.rate(0, 2) == megabits(19));
  REQUIRE(s.network.events.size() == 6);
  CHECK(s.network.events[2].kind == NetworkEventKind::kLinkDown);
  CHECK(s.network.events[3].time - s.network.events[2].time == 4s);
}

TEST_CASE("datacenter has round trips of 100 us and no loss", "[library]") {
  const Described s = describe("datacenter");
  CHECK(s.delay(0, 7) + s.delay(7, 0) == 100us);
  CHECK(s.rate(3, 4) == megabits(25'000));
  for (const LinkSpec& link : s.network.links) CHECK(link.loss_ppm == 0);
}

TEST_CASE("two_regions shares one pipe in each direction", "[library]") {
  const Described s = describe("two_regions");
  CHECK(s.links(0, 1) == "0.up 1.down ");
  CHECK(s.links(0, 5) == "0.up westbound 5.down ");
  CHECK(s.links(5, 0) == "5.up eastbound 0.down ");
  CHECK(s.delay(0, 1) + s.delay(1, 0) == 2ms);
  CHECK(s.delay(0, 5) + s.delay(5, 0) == 72ms);
  CHECK(s.rate(0, 5) == megabits(100));
  CHECK(s.rate(4, 5) == megabits(1000));
  int shared = 0;
  for (const auto& path : s.network.paths) {
    for (const int link : path) shared += s.at(link).name == "westbound";
  }
  CHECK(shared == 16);  // 4 x 4 paths
}

// Who is there, as the events say; silent and paused islands count as there.
TEST_CASE("volunteers come and go, and a quorum is always there", "[library]") {
  const Described s = describe("volunteers");
  CHECK(s.config.run.islands == 16);
  CHECK(s.config.rounds.quorum == 10);
  CHECK(s.config.rounds.missed == "rejoin");
  std::map<NetworkEventKind, int> kinds;
  std::vector<bool> there(16, true), answers(16, true);
  there[14] = there[15] = false;  // their start is later, and only adds to them
  for (const NetworkEvent& event : s.network.events) {
    ++kinds[event.kind];
    const auto island = static_cast<std::size_t>(event.island);
    if (event.kind == NetworkEventKind::kIslandKill) there[island] = false;
    if (event.kind == NetworkEventKind::kIslandLeave) there[island] = false;
    if (event.kind == NetworkEventKind::kIslandJoin) there[island] = true;
    if (event.kind == NetworkEventKind::kIslandSilent) answers[island] = false;
    int count = 0;
    for (std::size_t i = 0; i < 16; ++i) count += there[i] && answers[i];
    CHECK(count >= s.config.rounds.quorum);
  }
  CHECK(kinds[NetworkEventKind::kIslandKill] == 2);
  CHECK(kinds[NetworkEventKind::kIslandLeave] == 1);
  CHECK(kinds[NetworkEventKind::kIslandJoin] == 2);
  CHECK(kinds[NetworkEventKind::kIslandSilent] == 2);
  CHECK(kinds[NetworkEventKind::kIslandPause] == 1);
  CHECK(s.network.islands[14].start == 15s);
  CHECK(s.network.islands[15].step == 80ms);
  CHECK(s.network.islands[0].jitter == 0.02);
  CHECK(!s.network.islands[3].step);
}

}  // namespace
}  // namespace strait
