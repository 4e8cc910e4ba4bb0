// strait price and strait compare: what they print, what they train, and what they refuse.
#include <algorithm>
#include <filesystem>

#include "core/base/files.h"
#include "core/base/text.h"
#include "tests/process/program.h"

namespace strait {
namespace {

namespace fs = std::filesystem;

std::string links(const std::string& name) {
  return (fs::path(scenario("demo")).parent_path() / "links" / (name + ".csv")).string();
}

std::size_t folders_in(const std::string& path) {
  const auto folders = fs::directory_iterator(path);
  return static_cast<std::size_t>(std::distance(fs::begin(folders), fs::end(folders)));
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

TEST_CASE("a run is priced on other links without training", "[process]") {
  const TemporaryFolder folder;
  const Child child{.folder = folder.path()};
  REQUIRE(run_strait({"run", scenario("quadratic"), "--rounds", "4"}, child).code == 0);
  const Ended own = run_strait({"price", "runs/quadratic-001"}, child);
  CAPTURE(own.err);
  CHECK(own.code == 0);
  CHECK(own.err.empty());
  CHECK_THAT(own.out, Catch::Contains("on the wire") && Catch::Contains("\ndemo "));
  CHECK(own.out.find("WARNING") == std::string::npos);
  const Ended other =
      run_strait({"price", "runs/quadratic-001", "--links", links("home_dsl"),
                  scenario("transatlantic"), "--compute", "x0.1,x1", "--csv", "prices.csv",
                  "--json=prices.json", "--network.tcp", "bbr", "--loss", "1e9"},
                 child);
  CAPTURE(other.err);
  REQUIRE(other.code == 0);
  CHECK_THAT(other.out, Catch::Contains("home_dsl") && Catch::Contains("transatlantic") &&
                            Catch::Contains("0.1x") && Catch::Contains("to loss 1000000000"));
  const auto lines = split(trim(read_file(folder / "prices.csv")), '\n');
  REQUIRE(lines.size() == 5);
  CHECK(lines[1].starts_with("runs/quadratic-001,diloco,home_dsl,0.1x,"));
  CHECK_THAT(read_file(folder / "prices.json"), Catch::Contains("\"virtual_seconds\""));
  CHECK(folders_in(folder / "runs") == 1);
}

TEST_CASE("what differs only in its network is trained once", "[process]") {
  const TemporaryFolder folder;
  const Child child{.folder = folder.path()};
  const std::string quadratic = scenario("quadratic") + "@run.rounds=3";
  const Ended ended = run_strait(
      {"compare", quadratic, quadratic + ",network.links=" + links("home_dsl"),
       quadratic + ",run.strategy=data_parallel", "--network.tcp", "reno", "--csv", "table.csv"},
      child);
  CAPTURE(ended.err);
  REQUIRE(ended.code == 0);
  CHECK(count(ended.err, ": training\n") == 2);
  CHECK(folders_in(folder / "runs") == 2);
  const auto lines = split(trim(read_file(folder / "table.csv")), '\n');
  REQUIRE(lines.size() == 4);
  // The folder's own figure, and those of a run there.
  REQUIRE(run_strait({"run", scenario("quadratic"), "--rounds", "3", "--network.links",
                      links("home_dsl"), "--network.tcp", "reno", "--run.out", "there"},
                     child)
              .code == 0);
  const auto there = split(trim(read_file(folder / "there/quadratic-001/metrics.csv")), '\n');
  const std::string loss = split(there.back(), ',').at(5);
  CHECK_THAT(lines[2], Catch::Contains("\",diloco,home_dsl,1x,") && Catch::Contains(loss));
  // A finished run stands in the table without being trained.
  const Ended again = run_strait({"compare", "runs/quadratic-001", "runs/quadratic-002"}, child);
  CHECK(again.code == 0);
  CHECK(again.err.empty());
  CHECK(count(again.out, "runs/quadratic-00") == 2);
}

TEST_CASE("a run whose islands miss rounds is compared on its own network only", "[process]") {
  const TemporaryFolder folder;
  const Child child{.folder = folder.path()};
  const Ended ended = run_strait(
      {"compare", scenario("volunteers") + "@run.rounds=4", scenario("quadratic")}, child);
  CAPTURE(ended.err);
  CHECK(ended.code == 0);
  CHECK_THAT(ended.out, Catch::Contains(" volunteers ") && Catch::Contains(" demo "));
  CHECK(ended.out.find("no price") == std::string::npos);
  const Ended moved =
      run_strait({"price", "runs/volunteers-001", "--links", links("home_dsl")}, child);
  CHECK(moved.code == 2);
  CHECK_THAT(only_line(moved),
             Catch::Contains("depends on its network and has no price on another"));
  // In a table the others keep their rows.
  const Ended both = run_strait(
      {"compare", "runs/volunteers-001", "runs/quadratic-001", "--compute", "x2"}, child);
  CHECK(both.code == 0);
  CHECK_THAT(both.out, Catch::Contains("no price of runs/volunteers-001 diloco on volunteers"));
}

TEST_CASE("mistakes of prices and comparisons are told in one line", "[process]") {
  const TemporaryFolder folder;
  const Child child{.folder = folder.path()};
  CHECK_THAT(mistake({"price"}, child), Catch::Contains("nothing to price; write strait price"));
  CHECK_THAT(mistake({"price", "none"}, child), Catch::Contains("none is no run's folder"));
  CHECK_THAT(mistake({"price", "a", "b"}, child), Catch::Contains("'b' is one word too many"));
  CHECK_THAT(mistake({"price", "a", "--links"}, child), Catch::Contains("--links has no value"));
  CHECK_THAT(mistake({"price", "a", "--compute", "fast"}, child),
             Catch::Contains("--compute: 'fast"));
  CHECK_THAT(mistake({"price", "a", "--loss", "low"}, child),
             Catch::Contains("--loss low: write a number"));
  CHECK_THAT(mistake({"compare", scenario("quadratic"), "nowhere"}, child),
             Catch::Contains("no scenario nowhere"));
  CHECK_THAT(mistake({"compare", scenario("quadratic") + "@rounds"}, child),
             Catch::Contains("'rounds' is no key=value"));
  CHECK_THAT(mistake({"compare", scenario("quadratic") + "@run.rond=3"}, child),
             Catch::Contains("run.rond is not a key"));
  for (const char* option : {"--csv", "--json"}) {  // and nothing is trained
    CHECK_THAT(mistake({"compare", scenario("quadratic"), option, "no/table"}, child),
               Catch::StartsWith("cannot write no/table") && Catch::EndsWith(option));
  }
  CHECK(fs::is_empty(folder.path()));
}

}  // namespace
}  // namespace strait
