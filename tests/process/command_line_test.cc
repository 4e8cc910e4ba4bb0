// Mistakes on the command line: exit code 2, one line with the key, the value and the fix, and
// nothing made.
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/config/load.h"
#include "tests/process/program.h"

namespace strait {
namespace {

struct Row {
  Words words;
  std::string line;
};

void check(const std::vector<Row>& rows, const Words& before = {}) {
  const TemporaryFolder folder;
  for (const auto& [words, line] : affordable(rows)) {
    CAPTURE(words);
    CHECK(mistake(before + words, {.folder = folder.path()}) == line);
  }
}

const std::string kCommands =
    "demo, run, launch, coordinator, join, plan, price, compare, report, data, net, checkpoint, "
    "export, sample, doctor and completion";

std::string scenarios() { return join(scenario_names(), ", ", " and "); }

TEST_CASE("a word that is no command is refused", "[process]") {
  check({{{}, "no command; write strait demo, or strait --help for all"},
         {{"rnu"}, "'rnu' is no command; did you mean run?"},
         {{"banana"}, "'banana' is no command; there are " + kCommands},
         {{"help", "banana"}, "'banana' is no command; there are " + kCommands},
         {{"doctor", "more"}, "'more' is one word too many; write strait doctor"},
         {{"run"}, "no scenario; write strait run SCENARIO, e.g. scenarios/quadratic.ini"},
         {{"run", "no.ini"}, "no scenario no.ini; there are " + scenarios()},
         {{"run", "dmo"}, "no scenario dmo; did you mean demo?"},
         {{"run", "."}, "a folder is no scenario: .; there are " + scenarios()}});
}

TEST_CASE("options that cannot be read are refused", "[process]") {
  const std::string path = scenario("quadratic");
  check(
      {{{"--run.rouns", "3"}, "run.rouns is not a key; did you mean run.rounds? (command line)"},
       {{"--banana", "3"}, "banana is not a key; strait run --help lists all keys (command line)"},
       {{"--round", "3"}, "--round is not an option; did you mean --rounds?"},
       {{"--rounds", "3", "--run.rounds", "4"},
        "run.rounds is given twice (command line); keep one"},
       {{"--rounds"}, "--rounds has no value; write --rounds VALUE"},
       {{"--rounds", ""}, "run.rounds has no value; write e.g. run.rounds = 60 (command line)"},
       {{"-rounds", "3"}, "-rounds is not an option; write --key value"},
       {{"--set", "rounds"}, "--set rounds: write --set key=value"},
       {{"more"},
        "'more' is one word too many: the scenario is " + path +
            "; write --key value for settings"}},
      {"run", path});
}

TEST_CASE("values that are no numbers or lack their unit are refused", "[process]") {
  check(
      {{{"--rounds", "three"},
        "run.rounds: 'three' is not a whole number; write e.g. 60 (command line)"},
       {{"--rounds", "99999999999999999999"},
        "run.rounds: '99999999999999999999' is too large; write e.g. 60 (command line)"},
       {{"--seed", "-1"}, "run.seed: '-1' is not a whole number; write e.g. 1 (command line)"},
       {{"--inner.lr", "nan"}, "inner.lr: 'nan' is not a number; write e.g. 0.002 (command line)"},
       {{"--inner.lr", "inf"}, "inner.lr: 'inf' is not a number; write e.g. 0.002 (command line)"},
       {{"--inner.lr", "1e400"},
        "inner.lr: '1e400' is out of range; write e.g. 0.002 (command line)"},
       {{"--inner.lr", "0,1"}, "inner.lr: '0,1' is not a number; write e.g. 0.002 (command line)"},
       {{"--compute.step", "10"}, "compute.step: '10' has no unit; write e.g. 80ms (command line)"},
       {{"--compute.step", "-1ms"},
        "compute.step: '-1ms' is negative; write e.g. 80ms (command line)"},
       {{"--compute.jitter", "200%"},
        "compute.jitter: '200%' is not a fraction from 0 to 1; write e.g. 0.02 or 2% (command "
        "line)"},
       {{"--run.parallel", "maybe"},
        "run.parallel: 'maybe' is neither true nor false; write true or false (command line)"}},
      {"run", scenario("quadratic")});
}

TEST_CASE("values that cannot be run are refused", "[process]") {
  check(
      {{{"--run.inner_steps", "0"}, "run.inner_steps = 0: has to be 1 to 10000000 (command line)"},
       {{"--rounds", "0"}, "run.rounds = 0: has to be 1 to 10000000 (command line)"},
       {{"--rounds", "-1"}, "run.rounds = -1: has to be 1 to 10000000 (command line)"},
       {{"--islands", "0"}, "run.islands = 0: has to be 1 to 1024 (command line)"},
       {{"--run.threads_per_island", "0"},
        "run.threads_per_island = 0: has to be 1 to 1024 (command line)"},
       {{"--quadratic.size", "0"},
        "quadratic.size = 0: has to be 128 to 1000000000 (command line)"},
       {{"--inner.lr", "1e300"}, "inner.lr = 1e+300: has to be 1e6 or less (command line)"},
       {{"--compute.step", "100d"}, "compute.step = 8640000s: has to be 0s to 1h (command line)"},
       {{"--compute.memory_rate", "8bit"},
        "compute.memory_rate = 8bit: has to be 1MB/s or more; write inf for no cost (command "
        "line)"},
       {{"--collective.piece", "1000TB"},
        "collective.piece = 1000TB: has to be 1KiB to 1GiB (command line)"},
       {{"--model.heads", "3"},
        "model.width = 128: is not divisible by model.heads = 3; change one of them or give "
        "model.head_size (default)"},
       {{"--run.max_lateness", "0s"},
        "run.max_lateness = 0s: has to be above 0s, and 1h or less (command line)"},
       {{"--run.time", "real", "--run.parallel", "false"},
        "run.parallel = false: islands that take turns are late in real time; write true, or "
        "run.time = virtual (command line)"},
       {{"--data.languages", "en,en"},
        "data.languages = en,en: names a source twice; keep one of each (command line)"}},
      {"run", scenario("quadratic")});
}

TEST_CASE("names that are not in their table are refused", "[process]") {
  check(
      {{{"--collective.algorithm", "rong"},
        "collective.algorithm: 'rong' is not two_phase, gather, ring or star; did you mean ring? "
        "(command line)"},
       {{"--collective.codec", "int9"},
        "collective.codec: 'int9' is not fp32, bf16 or int8; did you mean int8? (command line)"},
       {{"--run.strategy", "dilocco"},
        "run.strategy: 'dilocco' is not diloco, data_parallel or local; did you mean diloco? "
        "(command line)"},
       {{"--task.name", "languge"},
        "task.name: 'languge' is not language or quadratic; did you mean language? (command "
        "line)"},
       {{"--network.kind", "real"},
        "network.kind: 'real' is not emulated, pipe or tcp (command line)"},
       {{"--run.device", "gpu"},
        "run.device = gpu: is no device; write cpu, cuda or cuda:1 (command line)"},
       {{"--run.device", "cuda"},
        "run.device = cuda: task.name = quadratic computes on the cpu; write cpu (command line)"}},
      {"run", scenario("quadratic")});
}

TEST_CASE("a model that no memory holds is refused", "[process]") {
  const TemporaryFolder folder;
  CHECK_THAT(
      mistake({"run", scenario("quadratic"), "--quadratic.size", "1000000000", "--islands", "1024"},
              {.folder = folder.path()}),
      Catch::Contains("1024 islands of this model need 24576 GB and more") &&
          Catch::EndsWith("make quadratic.size or run.islands smaller"));
}

TEST_CASE("places that cannot be written are refused", "[process]") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "file", "x");
  const Child child{.folder = folder.path()};
  const Words run{"run", scenario("quadratic")};
  CHECK(mistake(run + Words{"--out", "file"}, child) ==
        "cannot make folder file: Not a directory; give another place with run.out");
  CHECK(mistake(run + Words{"--out", "file/runs"}, child) ==
        "cannot make folder file/runs: Not a directory; give another place with run.out");
  CHECK(mistake(run + Words{"--record", "file"}, child) ==
        "run.record = file: is a file; name a new folder");
  CHECK(mistake(run + Words{"--record", "."}, child) ==
        "run.record = .: is there and not empty; name a new folder");
}

TEST_CASE("a task without tokens is not recorded", "[process]") {
  const TemporaryFolder folder;
  CHECK_THAT(mistake({"run", scenario("quadratic"), "--record", "new"}, {.folder = folder.path()}),
             Catch::StartsWith("run.record") && Catch::Contains("quadratic has no tokens"));
}

#ifndef STRAIT_WITH_TORCH
TEST_CASE("a task that is not in the build is refused with how to get it", "[process]") {
  const TemporaryFolder folder;
  CHECK(mistake({"demo"}, {.folder = folder.path()}) ==
        "task.name = language: not in this build; use quadratic, or build with LibTorch: cmake "
        "--workflow --preset release");
}
#endif

}  // namespace
}  // namespace strait
