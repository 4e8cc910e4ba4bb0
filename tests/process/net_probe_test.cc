// strait net probe, and the line of it in the banner of a run.
#include <fmt/format.h>

#include "core/base/files.h"
#include "core/base/text.h"
#include "core/config/load.h"
#include "tests/process/program.h"

namespace strait {
namespace {

TEST_CASE("a scenario's links are measured beside what is configured", "[process]") {
  const TemporaryFolder folder;
  const Child child{.folder = folder.path()};
  const Ended ended = run_strait({"net", "probe", scenario("two_regions")}, child);
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  CHECK_THAT(ended.out,
             Catch::Contains("westbound                          100mbit   100 Mbit/s") &&
                 Catch::Contains("As configured: 18 links, 4 kinds of pairs."));
  CHECK(files_in(folder.path()).empty());
  // Keys count as for a run.
  const Ended window = run_strait(
      {"net", "probe", scenario("quadratic"), "--network.window", "100kB", "--islands", "2"},
      child);
  CHECK(window.code == 0);
  CHECK_THAT(window.out, Catch::Contains("As configured: 4 links, 1 kind of pairs.") &&
                             Catch::Contains("bound by network.window, 100kB per round trip"));
}

TEST_CASE("every scenario of the library is probed as configured", "[process]") {
  for (const char* name : {"continents", "datacenter", "demo", "flaky_wifi", "home_dsl", "lte",
                           "outage", "satellite", "transatlantic", "volunteers"}) {
    CAPTURE(name);
    const Ended ended = run_strait({"net", "probe", scenario(name)});
    CHECK(ended.code == 0);
    CHECK_THAT(ended.out, Catch::Contains("As configured: "));
  }
}

TEST_CASE("the banner of a run says what a probe found", "[process]") {
  const TemporaryFolder folder;
  const Ended ended =
      run_strait({"run", scenario("quadratic"), "--run.rounds", "2"}, {.folder = folder.path()});
  CHECK(ended.code == 0);
  CHECK_THAT(ended.out,
             Catch::Contains("8 links within 0.1 % of what is configured; one TCP connection gets "
                             "19.1 Mbit/s on the slowest path\n"));
}

TEST_CASE("what strait net probe cannot probe is refused", "[process]") {
  const TemporaryFolder folder;
  for (const auto& [words, line] : affordable<std::pair<Words, std::string>>({
           {{},
            "no scenario; write strait net probe SCENARIO [--key value], or HOST:PORT for a real "
            "link"},
           {{scenario("quadratic"), "--network.kind", "pipe"},
            "network.kind = pipe: there are no links to probe; write emulated"},
           {{scenario("quadratic"), "--svg", "a.svg"},
            "svg is not a key; strait run --help lists all keys (command line)"},
           {{"nothing.ini"},
            "no scenario nothing.ini; there are " + join(scenario_names(), ", ", " and ")},
       })) {
    CHECK(mistake(Words{"net", "probe"} + words, {.folder = folder.path()}) == line);
  }
}

}  // namespace
}  // namespace strait
