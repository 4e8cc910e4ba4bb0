// A run that is killed and resumed, as users do it; and what the commands around checkpoints say.
#include <csignal>
#include <filesystem>

#include "core/base/files.h"
#include "core/base/rng.h"
#include "tests/process/program.h"
#include "tests/support/seed.h"

namespace strait {
namespace {

namespace fs = std::filesystem;

const Words kRun{"run", scenario("quadratic"), "--rounds", "40", "--checkpoint.every", "3"};

/// Without the last two columns, which differ between repeats.
std::string without_wall(const std::string& metrics) {
  std::string kept;
  for (std::size_t at = 0; at < metrics.size();) {
    const std::size_t end = metrics.find('\n', at);
    std::string line = metrics.substr(at, end - at);
    for (int column = 0; column < 2; ++column) line.resize(line.rfind(','));
    kept += line + '\n';
    at = end + 1;
  }
  return kept;
}

void check_same_run(const std::string& a, const std::string& b) {
  CHECK(without_wall(read_file(a + "/metrics.csv")) == without_wall(read_file(b + "/metrics.csv")));
  for (const char* name : {"/ledger.csv", "/links.csv", "/events.csv", "/config.resolved.ini",
                           "/checkpoints/final/shared.safetensors"}) {
    INFO(name);
    CHECK(read_file(a + name) == read_file(b + name));
  }
}

TEST_CASE("a run that is killed at any moment is resumed to the same bits", "[process]") {
  const std::uint64_t seed = test_seed();
  const TemporaryFolder whole, folder;
  REQUIRE(run_strait(kRun, {.folder = whole.path()}).code == 0);
  Rng rng(seed, "kill");
  const std::string run = folder / "runs/quadratic-001";
  RunningStrait first(kRun, {.folder = folder.path()});
  for (std::uint64_t line = rng.below(30) + 20; line > 0; --line) first.line();
  first.end(SIGKILL);
  for (int kills = 0; kills < 3 && !fs::exists(run + "/verdict.json"); ++kills) {
    INFO("seed " << seed << ", kill " << kills);
    RunningStrait again({"run", "--resume", run}, {.folder = folder.path()});
    for (std::uint64_t line = rng.below(60) + 20; line > 0; --line) again.line();
    again.end(SIGKILL);
  }
  if (!fs::exists(run + "/verdict.json")) {
    const Ended last = run_strait({"run", "--resume", run}, {.folder = folder.path()});
    INFO(last.err);
    REQUIRE(last.code == 0);
    CHECK_THAT(last.out, Catch::Matchers::Contains("resumed from " + run + "/checkpoints/0000"));
  }
  check_same_run(whole / "runs/quadratic-001", run);
}

/// A run that stood still before its end.
std::string unfinished(const TemporaryFolder& folder) {
  REQUIRE(run_strait(kRun, {.folder = folder.path()}).code == 0);
  const std::string run = folder / "runs/quadratic-001";
  fs::remove(run + "/verdict.json");
  return run;
}

TEST_CASE("a damaged checkpoint is told and the one before it is taken", "[process]") {
  const TemporaryFolder whole, folder;
  REQUIRE(run_strait(kRun, {.folder = whole.path()}).code == 0);
  const std::string run = unfinished(folder), newest = run + "/checkpoints/000039";
  std::string bytes = read_file(newest + "/shared.safetensors");
  bytes[bytes.size() - 5] ^= 4;
  write_file_atomically(newest + "/shared.safetensors", bytes);
  const Ended inspected = run_strait({"checkpoint", "inspect", newest});
  CHECK(inspected.code == 2);
  CHECK_THAT(inspected.err,
             Catch::Matchers::Contains("000039: shared.safetensors is damaged: its hash is "));
  const Ended ended = run_strait({"run", "--resume", run}, {.folder = folder.path()});
  INFO(ended.err);
  CHECK(ended.code == 0);
  CHECK_THAT(ended.out,
             Catch::Matchers::Contains("WARNING: " + newest + ": shared.safetensors is damaged"));
  CHECK_THAT(ended.out, Catch::Matchers::Contains("resumed from " + run +
                                                  "/checkpoints/000036: "
                                                  "round 36 of 40"));
  check_same_run(whole / "runs/quadratic-001", run);
}

TEST_CASE("a replay over other links ends with one line", "[process]") {
  const TemporaryFolder folder;
  const std::string run = unfinished(folder), settings = run + "/config.resolved.ini";
  std::string text = read_file(settings);
  const std::size_t at = text.find("\nstep = 10ms");
  REQUIRE(at != std::string::npos);
  text.replace(at, 12, "\nstep = 11ms");
  write_file_atomically(settings, text);
  const Ended ended = run_strait({"run", "--resume", run}, {.folder = folder.path()});
  CHECK(ended.code == 1);
  CHECK_THAT(ended.err, Catch::Matchers::Contains("does not go the way of the one"));
}

TEST_CASE("what cannot be resumed is refused with the reason", "[process]") {
  const TemporaryFolder folder;
  const Child child{.folder = folder.path()};
  CHECK(mistake({"run", "--resume", "none"}, child) ==
        "--resume none: there is no none/config.resolved.ini; write strait run --resume RUN, e.g. "
        "runs/demo-001");
  REQUIRE(
      run_strait({"run", scenario("quadratic"), "--rounds", "2", "--out", "kept"}, child).code ==
      0);
  CHECK(mistake({"run", "--resume", "kept/quadratic-001"}, child) ==
        "--resume kept/quadratic-001: that run has come to its end "
        "(kept/quadratic-001/verdict.json); start a new one with strait run "
        "kept/quadratic-001/config.resolved.ini");
  CHECK(mistake({"run", "--resume", "kept/quadratic-001", "--rounds", "3"}, child) ==
        "'--rounds' is one word too many: the settings are those of kept/quadratic-001; write "
        "strait run --resume RUN, e.g. runs/demo-001");
  std::filesystem::remove(folder / "kept/quadratic-001/verdict.json");
  CHECK(mistake({"run", "--resume", "kept/quadratic-001"}, child) ==
        "--resume kept/quadratic-001: checkpoint.every = 0: that run has no checkpoints; start a "
        "new one with strait run kept/quadratic-001/config.resolved.ini --checkpoint.every 5");
  CHECK(mistake({"run", scenario("quadratic"), "--checkpoint.every", "1", "--run.time", "real"},
                child) ==
        "checkpoint.every = 1: a run in real time would stand still meanwhile and cannot be "
        "resumed; write 0, or run.time = virtual (command line)");
}

TEST_CASE("a run leaves its model for the commands that use it", "[process]") {
  const TemporaryFolder folder;
  const Child child{.folder = folder.path()};
  REQUIRE(
      run_strait({"run", scenario("quadratic"), "--rounds", "4", "--out", "kept"}, child).code ==
      0);
  const Ended inspected = run_strait({"checkpoint", "inspect", "kept/quadratic-001"}, child);
  CHECK(inspected.code == 0);
  CHECK_THAT(inspected.out, Catch::Matchers::Contains("round       4 of 4"));
  CHECK_THAT(inspected.out, Catch::Matchers::Contains("layer0.weight"));
  CHECK_THAT(inspected.out, Catch::Matchers::Contains("whole: every file is as it was written"));
  const Ended converted = run_strait(
      {"checkpoint", "convert", "kept/quadratic-001", "--out", "model.safetensors"}, child);
  CHECK(converted.code == 0);
  CHECK(read_file(folder / "model.safetensors") ==
        read_file(folder / "kept/quadratic-001/checkpoints/final/shared.safetensors"));
  const std::string no_gpt =
      "kept/quadratic-001/checkpoints/final: its model is no GPT; only task.name = language has "
      "one";
  CHECK(mistake({"export", "kept/quadratic-001", "--out", "hf"}, child) == no_gpt);
  CHECK(mistake({"sample", "kept/quadratic-001"}, child) == no_gpt);
  CHECK(mistake({"sample", "nowhere"}, child) ==
        "nowhere: no such folder; name a run's folder or a checkpoint in it");
  CHECK(mistake({"sample", "kept/quadratic-001", "--tokens", "many"}, child) ==
        "--tokens many: has to be 0 to 1000000; write strait sample RUN|CHECKPOINT [--prompt TEXT] "
        "[--tokens 200] [--temperature 0.8] [--seed 1] [--logits FILE.safetensors]");
  CHECK(mistake({"checkpoint", "convert", "kept/quadratic-001"}, child) ==
        "no --out; write strait checkpoint inspect PATH, or strait checkpoint convert PATH --out "
        "FILE.safetensors");
}

}  // namespace
}  // namespace strait
