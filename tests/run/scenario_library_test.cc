// The networks of the scenario library are what scenarios/README.md says: parsed, described, and
// the figures of their paths worked out by hand from the files.
#include <filesystem>
#include <map>

#include "core/config/load.h"
#include "netsim/network_files.h"
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
  return {config, read_network({n.links, n.islands, n.bottlenecks, n.events}, config.run.islands,
                               config.run.seed)};
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
  CHECK(found >= 6);
}

TEST_CASE("every file of a network is named by a scenario", "[library]") {
  std::map<fs::path, int> unnamed;
  for (const char* folder : {"links", "islands", "bottlenecks", "events"}) {
    for (const auto& entry : fs::directory_iterator(kFolder / folder)) ++unnamed[entry.path()];
  }
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() != ".ini") continue;
    const NetworkSettings n = load_config(entry.path(), {}).config.network;
    for (const auto& path : {n.links, n.islands, n.bottlenecks, n.events}) unnamed.erase(path);
  }
  for (const auto& [path, _] : unnamed) FAIL_CHECK(path << " belongs to no scenario");
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

}  // namespace
}  // namespace strait
