// strait net show: what it prints and writes, and the mistakes of its command line.
#include <fmt/format.h>

#include "core/base/files.h"
#include "tests/process/program.h"

namespace strait {
namespace {

TEST_CASE("a scenario's links are shown as tables and as a picture", "[process]") {
  const TemporaryFolder folder;
  const Ended ended = run_strait({"net", "show", scenario("two_regions"), "--svg", "links.svg"},
                                 {.folder = folder.path()});
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  for (const char* part : {"RTT 2ms to 72ms", "eastbound, westbound", "900 kB        westbound",
                           "picture: links.svg"}) {
    INFO(part);
    CHECK(ended.out.find(part) != std::string::npos);
  }
  const std::string svg = read_file(folder / "links.svg");
  CHECK(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  CHECK(svg.find("72ms, 100mbit") != std::string::npos);
  // Keys count as for a run.
  const Ended fewer =
      run_strait({"net", "show", scenario("demo"), "--islands", "2"}, {.folder = folder.path()});
  CHECK(fewer.out.find("0.up, 1.up      20mbit") != std::string::npos);
}

TEST_CASE("what strait net show cannot show is refused", "[process]") {
  const TemporaryFolder folder;
  const std::string usage = "write strait net show SCENARIO [--svg FILE]";
  const std::string demo = scenario("quadratic");
  for (const auto& [words, line] : affordable<std::pair<Words, std::string>>({
           {{},
            "network.links is empty: an emulated network needs a CSV file of its links, e.g. "
            "links/demo.csv; or write network.kind = pipe (default)"},
           {{demo, "--svg"}, fmt::format("--svg has no file; {}", usage)},
           {{"--svg", "--islands", "3", demo}, fmt::format("--svg has no file; {}", usage)},
           {{demo, "--svg=a.svg", "--svg", "b.svg"},
            fmt::format("--svg is there twice; {}", usage)},
           {{demo, "--network.kind", "pipe"},
            "network.kind = pipe: there are no links to show; write emulated"},
           {{demo, "--svgg", "a.svg"},
            "svgg is not a key; strait run --help lists all keys (command line)"},
       })) {
    CHECK(mistake(Words{"net", "show"} + words, {.folder = folder.path()}) == line);
  }
}

}  // namespace
}  // namespace strait
