// Every scenario of the repository runs.
#include <cstdlib>
#include <filesystem>

#include "core/base/files.h"
#include "core/config/load.h"
#include "tests/process/program.h"

namespace strait {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> scenarios(const std::string& task) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::directory_iterator(fs::path(STRAIT_SOURCE_DIR) / "scenarios")) {
    if (entry.path().extension() != ".ini") continue;
    if (load_config(entry.path(), {}).config.task.name == task) paths.push_back(entry.path());
  }
  return paths;
}

void check_runs(const std::string& path, const Words& more = {}) {
  CAPTURE(path);
  const TemporaryFolder folder;
  const Ended ended = run_strait(Words{"run", path} + more, {.folder = folder.path()});
  CAPTURE(ended.err);
  CHECK(ended.code == 0);
  CHECK(ended.err.empty());
  const std::string run = fs::path(path).stem().string() + "-001/";
  const auto files = files_in(folder / "runs");
  for (const char* name :
       {"config.resolved.ini", "version.txt", "metrics.csv", "ledger.csv", "links.csv",
        "events.csv", "timeline.csv", "verdict.txt", "verdict.json", "report.html"}) {
    CAPTURE(name);
    CHECK(files.count(run + name) == 1);
  }
}

TEST_CASE("every scenario without text runs as it is", "[process]") {
  const auto paths = scenarios("quadratic");
  CHECK(paths.size() >= 10);
  for (const auto& path : paths) check_runs(path);
}

/// A line of verdict.json.
std::string field(const TemporaryFolder& folder, const std::string& run, const std::string& name) {
  const std::string text = read_file(folder / ("runs/" + run + "/verdict.json"));
  const std::size_t at = text.find("\"" + name + "\"");
  REQUIRE(at != std::string::npos);
  return text.substr(at, text.find('\n', at) - at);
}

TEST_CASE("outages cost time and leave the parameters as they are", "[process]") {
  const TemporaryFolder folder;
  const Child child{.folder = folder.path()};
  const Words run{"run", scenario("outage")};
  REQUIRE(run_strait(run, child).code == 0);
  REQUIRE(run_strait(run + Words{"--network.events", ""}, child).code == 0);
  REQUIRE(run_strait(run, child).code == 0);
  const auto parameters = [&](const std::string& name) {
    return field(folder, name, "shared_parameters_hash");
  };
  const auto trace = [&](const std::string& name) { return field(folder, name, "event_log_hash"); };
  CHECK(parameters("outage-001") == parameters("outage-002"));
  CHECK(trace("outage-001") != trace("outage-002"));
  CHECK(trace("outage-001") == trace("outage-003"));
  const std::string events = read_file(folder / "runs/outage-001/events.csv");
  CHECK_THAT(events, Catch::Contains("diloco,500000000,link_down,2.up,0\n") &&
                         Catch::Contains("diloco,5500000000,link_up,3.up,0\n"));
}

TEST_CASE("a verdict holds what was predicted beside what was measured", "[process]") {
  const TemporaryFolder folder;
  REQUIRE(run_strait({"run", scenario("home_dsl")}, {.folder = folder.path()}).code == 0);
  CHECK_THAT(read_file(folder / "runs/home_dsl-001/verdict.txt"),
             Catch::Contains("Predicted for diloco from 4 rounds in which nothing happens") &&
                 Catch::Contains("\n31.5 MB of payload, ") &&
                 Catch::Contains(" a round; measured: 31.5 MB, "));
  CHECK_THAT(read_file(folder / "runs/home_dsl-001/verdict.json"),
             Catch::Contains("\"predicted\""));
}

/// Short rounds over a near network.
const Words kRealTime{"--rounds",       "3",    "--run.inner_steps", "2",   "--compute.step", "2ms",
                      "--network.kind", "pipe", "--run.time",        "real"};

TEST_CASE("a run in real time says so, and whether its times are worth anything", "[process]") {
  const TemporaryFolder folder;
  const Child child{.folder = folder.path()};
  const Words run = Words{"run", scenario("quadratic")} + kRealTime;
  const Ended valid = run_strait(run + Words{"--run.max_lateness", "1h"}, child);
  CHECK(valid.code == 0);
  CHECK_THAT(valid.out, Catch::Contains("real time: valid") &&
                            Catch::Contains("priority of the loop's thread") &&
                            Catch::Contains("real: the model's times by the wall clock"));
  CHECK(field(folder, "quadratic-001", "time") == "\"time\": \"real\",");
  CHECK(field(folder, "quadratic-001", "valid") == "\"valid\": true,");
  const Ended late = run_strait(run + Words{"--run.max_lateness", "1ns"}, child);
  CHECK(late.code == 0);
  CHECK_THAT(late.out, Catch::Contains("real time: NOT VALID: ") &&
                           Catch::Contains("run.max_lateness is 1ns"));
  CHECK(field(folder, "quadratic-002", "valid") == "\"valid\": false,");
  const Ended strict =
      run_strait(run + Words{"--run.max_lateness", "1ns", "--run.strict", "true"}, child);
  CHECK(strict.code == 1);
  CHECK_THAT(only_line(strict), Catch::StartsWith("run.strict: ") && Catch::Contains("late at") &&
                                    Catch::Contains("run.max_lateness is 1ns"));
  REQUIRE(run_strait(
              Words{"run", scenario("quadratic")} + Words(kRealTime.begin(), kRealTime.end() - 2),
              child)
              .code == 0);
  CHECK(field(folder, "quadratic-004", "time") == "\"time\": \"virtual\",");
  CHECK(field(folder, "quadratic-004", "shared_parameters_hash") ==
        field(folder, "quadratic-001", "shared_parameters_hash"));
}

void check_small_runs(const std::vector<Words>& rows) {
  const TemporaryFolder folder;
  for (const Words& more : affordable(rows)) {
    const Ended ended = run_strait(Words{"run", scenario("quadratic"), "--rounds", "2"} + more,
                                   {.folder = folder.path()});
    CAPTURE(more, ended.err);
    CHECK(ended.code == 0);
  }
}

TEST_CASE("any number of islands runs under every strategy", "[process]") {
  check_small_runs({{"--islands", "1"},
                    {"--islands", "2"},
                    {"--islands", "7"},
                    {"--islands", "1", "--run.strategy", "data_parallel"},
                    {"--islands", "1", "--run.strategy", "local"},
                    {"--run.strategy", "data_parallel"},
                    {"--run.strategy", "local"}});
}

TEST_CASE("every network, algorithm and codec runs", "[process]") {
  check_small_runs({{"--network.kind", "pipe"},
                    {"--islands", "1", "--collective.algorithm", "gather"},
                    {"--islands", "3", "--collective.algorithm", "gather"},
                    {"--islands", "1", "--collective.algorithm", "ring"},
                    {"--islands", "3", "--collective.algorithm", "ring"},
                    {"--islands", "3", "--collective.algorithm", "star"},
                    {"--collective.codec", "int8"},
                    {"--collective.codec", "int8", "--collective.result", "bf16"},
                    {"--run.parallel", "no"},
                    {"--compute.step", "0s"},
                    {"--pretrain.steps", "3"}});
}

#ifdef STRAIT_WITH_TORCH

/// Where the set-up put the demo's text.
std::string text() {
  const char* deps = std::getenv("STRAIT_DEPS");
  const std::string own = std::string(STRAIT_SOURCE_DIR) + "/.deps";
  return (deps != nullptr && *deps != '\0' ? deps : own) + "/manpages";
}

TEST_CASE("every scenario with text runs, if the text is there", "[process]") {
  if (!fs::is_directory(text())) {
    WARN("not checked: no text in " << text());
    return;
  }
  const auto paths = scenarios("language");
  CHECK(paths.size() >= 2);
  for (const auto& path : paths) {
    check_runs(path, {"--rounds", "2", "--pretrain.steps", "4", "--run.inner_steps", "2",
                      "--data.held_out_windows", "4"});
  }
}

#endif

}  // namespace
}  // namespace strait
