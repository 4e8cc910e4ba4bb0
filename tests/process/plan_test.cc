// strait plan: what it prints is what the run measures. (For all scenarios:
// tests/run/rehearsal_test.cc and scripts/check_plan.py.)
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "core/base/files.h"
#include "core/base/text.h"
#include "tests/process/program.h"

namespace strait {
namespace {

namespace fs = std::filesystem;

/// The last cell of a row of the plan, without the commas between thousands.
double planned(const std::string& text, const std::string& label) {
  const std::size_t at = text.find(label);
  REQUIRE(at != std::string::npos);
  std::string line = text.substr(at, text.find('\n', at) - at);
  line.erase(0, line.rfind("  "));
  std::erase(line, ',');
  return std::stod(line);
}

/// Sums and the last time of metrics.csv.
struct Measured {
  double payload = 0, time = 0;
};

Measured measured(const std::string& csv) {
  const auto lines = split(trim(csv), '\n');
  const auto titles = split(lines[0], ',');
  const auto cell = [&](const std::string& line, const std::string& title) {
    const auto column = std::find(titles.begin(), titles.end(), title) - titles.begin();
    return std::stod(std::string(split(line, ',').at(static_cast<std::size_t>(column))));
  };
  Measured sums;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    sums.payload += cell(std::string(lines[i]), "bytes_payload");
    sums.time = cell(std::string(lines[i]), "virtual_s");
  }
  return sums;
}

TEST_CASE("a plan says what the run measures", "[process]") {
  const Words device{"--compute.device", "a100", "--compute.flops_per_step", "1e13"};
  for (const auto& [name, more] : std::vector<std::pair<std::string, Words>>{
           {"quadratic", device}, {"home_dsl", {}}, {"outage", {}}, {"flaky_wifi", {}}}) {
    CAPTURE(name);
    const TemporaryFolder folder;
    const Child child{.folder = folder.path()};
    const Ended plan = run_strait(Words{"plan", scenario(name)} + more, child);
    CAPTURE(plan.err);
    REQUIRE(plan.code == 0);
    CHECK(plan.err.empty());
    CHECK(fs::is_empty(folder.path()));  // a plan leaves nothing behind
    REQUIRE(run_strait(Words{"run", scenario(name)} + more, child).code == 0);
    const Measured m = measured(read_file(folder / ("runs/" + name + "-001/metrics.csv")));
    CHECK(planned(plan.out, "payload, bytes") == Approx(m.payload).epsilon(0.005));
    CHECK(planned(plan.out, "time, seconds") == Approx(m.time).epsilon(0.05));
  }
}

TEST_CASE("a step that was measured is a setting of the run", "[process]") {
  const TemporaryFolder folder;
  const Child child{.folder = folder.path()};
  const Words here{
      "run", scenario("quadratic"), "--compute.device", "this", "--rounds", "2", "--run.seed", "5"};
  const Ended first = run_strait(here, child);
  REQUIRE(first.code == 0);
  CHECK_THAT(first.out, Catch::Contains("per step and island (measured on this machine: median "));
  // What the folder holds is the same run, although another measurement would differ.
  const std::string settings = folder / "runs/quadratic-001/config.resolved.ini";
  CHECK_THAT(read_file(settings), Catch::Contains("; measured on this machine: median of "));
  REQUIRE(run_strait({"run", settings}, child).code == 0);
  const auto events = [&](const std::string& run) {
    return read_file(folder / ("runs/" + run + "/metrics.csv"));
  };
  const Measured one = measured(events("quadratic-001"));
  const Measured two = measured(events("config-001"));
  CHECK(one.time == two.time);
  CHECK(one.payload == two.payload);
  const TemporaryFolder empty;
  CHECK(mistake({"plan", scenario("quadratic"), "--compute.device", "this"},
                {.folder = empty.path()}) ==
        "compute.device = this: a plan measures nothing; write compute.step, which the banner of a "
        "run says");
}

TEST_CASE("a plan compares H and codecs, and names the ones that fit", "[process]") {
  const Ended plan = run_strait({"plan", scenario("quadratic"), "--run.inner_steps", "30"});
  CHECK(plan.code == 0);
  CHECK_THAT(plan.out, Catch::Contains("PLAN  quadratic: 60 rounds of 30 inner steps") &&
                           Catch::Contains("rehearsed  all 60 rounds\n") &&
                           Catch::Contains("\nH  ") && Catch::Contains("\ndata parallel  ") &&
                           Catch::Contains("\n30  ") &&
                           Catch::Contains("For 90 % of it, take H = ") &&
                           Catch::Contains("collective.connections"));
}

TEST_CASE("a plan of random outages says whose they are and what they do", "[process]") {
  const Ended plan = run_strait({"plan", scenario("flaky_wifi"), "--seed", "7"});
  CHECK_THAT(plan.out, Catch::Contains("random outages as seed 7 draws them") &&
                           Catch::Contains("If nothing happened: "));
}

TEST_CASE("the demo is planned without text and without LibTorch", "[process]") {
  const Ended plan =
      run_strait({"plan", scenario("demo")}, {.environment = {{"STRAIT_DEPS", "/none"}}});
  CHECK(plan.code == 0);
  CHECK_THAT(plan.out, Catch::Contains("437,760 values") && Catch::Contains("630,374,400") &&
                           Catch::Contains("of pretraining, then 15.8 MB handed out"));
}

TEST_CASE("one island has no links to choose for", "[process]") {
  const Ended plan = run_strait({"plan", scenario("quadratic"), "--islands", "1"});
  CHECK(plan.code == 0);
  CHECK(plan.out.find("\nH  ") == std::string::npos);
}

TEST_CASE("a run that cannot come to its end cannot be planned", "[process]") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "events.csv", "time,kind,subject,value\n1s,link_down,2,\n");
  const Ended plan = run_strait({"plan", scenario("quadratic"), "--network.events", "events.csv"},
                                {.folder = folder.path()});
  CHECK(plan.code == 1);
  CHECK_THAT(only_line(plan), Catch::Contains("deadlock"));
}

TEST_CASE("the models that have a name are listed with what they cost", "[process]") {
  const Ended models = run_strait({"plan", "--models"});
  CHECK(models.code == 0);
  // As Hugging Face counts gpt2; 4 bytes each; 12 blocks of 12 heads of 64.
  CHECK_THAT(models.out, Catch::Contains("124,439,808") && Catch::Contains("498 MB"));
  for (const char* size : {"xxs", "xs", "s", "m", "60m", "150m", "400m", "gpt2", "gpt2-medium"}) {
    CHECK_THAT(models.out, Catch::Contains(fmt::format("\n{} ", size)));
  }
  const TemporaryFolder folder;
  CHECK(mistake({"plan", "--models", "more"}, {.folder = folder.path()}) ==
        "'more' is one word too many; write strait plan --models");
  const Ended plan = run_strait({"plan", scenario("quadratic")});
  CHECK_THAT(plan.out, Catch::Contains("memory     ") && Catch::Contains("work       "));
}

TEST_CASE("the papers' tables are printed beside the rebuilt ones", "[process]") {
  const Ended papers = run_strait({"plan", "--papers"});
  CHECK(papers.code == 0);
  CHECK_THAT(papers.out,
             Catch::Contains("arXiv 2501.18512") && Catch::Contains("arXiv 2503.09799") &&
                 Catch::Contains("arXiv 2412.01152") && Catch::Contains("152.6 / 152.6") &&
                 Catch::Contains("DeepSeek-V3 671B"));
}

TEST_CASE("what cannot be planned is told in one line", "[process]") {
  const TemporaryFolder folder;
  const Child child{.folder = folder.path()};
  CHECK(mistake({"plan"}, child) ==
        "no scenario; write strait plan SCENARIO, e.g. scenarios/quadratic.ini, or strait plan "
        "--papers");
  CHECK(mistake({"plan", "--papers", "more"}, child) ==
        "'more' is one word too many; write strait plan --papers, or strait plan --papers --tcp");
  CHECK(mistake({"plan", "--papers", "--tcp", "more"}, child) ==
        "'more' is one word too many; write strait plan --papers, or strait plan --papers --tcp");
  CHECK(mistake({"plan", scenario("quadratic"), "--rounds", "0"}, child) ==
        "run.rounds = 0: has to be 1 to 10000000 (command line)");
  CHECK(mistake({"plan", scenario("quadratic"), "--papers"}, child) ==
        "papers is not a key; strait run --help lists all keys (command line)");
}

}  // namespace
}  // namespace strait
