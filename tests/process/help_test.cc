// What the program says about itself.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "core/base/files.h"
#include "core/config/keys.h"
#include "tests/process/program.h"

namespace strait {
namespace {

TEST_CASE("help goes to stdout and exits with 0", "[process]") {
  for (const Words& words : affordable<Words>({{"--help"}, {"-h"}, {"help"}})) {
    const Ended ended = run_strait(words);
    CHECK(ended.code == 0);
    CHECK(ended.err.empty());
    for (const char* command :
         {"strait demo", "strait run SCENARIO", "strait plan SCENARIO", "strait doctor"}) {
      CHECK_THAT(ended.out, Catch::Contains(command));
    }
  }
}

TEST_CASE("the help of a command lists every key with its default", "[process]") {
  for (const Words& words : affordable<Words>(
           {{"run", "--help"}, {"demo", "--help"}, {"help", "run"}, {"run", "no.ini", "-h"}})) {
    const Ended ended = run_strait(words);
    CHECK(ended.code == 0);
    CHECK(ended.err.empty());
    CHECK_THAT(ended.out, Catch::Contains("usage: strait "));
    const RunConfig defaults;
    for (const Key& key : keys()) {
      CHECK_THAT(ended.out, Catch::Contains("--" + key.name));
      CHECK_THAT(ended.out, Catch::Contains(key.print(defaults)));
    }
  }
}

TEST_CASE("the version tells what the program was built with", "[process]") {
  const Ended ended = run_strait({"--version"});
  CHECK(ended.code == 0);
  CHECK(ended.out.starts_with("strait 0."));
  for (const char* what : {"(commit ", "compiler  ", " -O", "LibTorch  ", "libuv     1."}) {
    CHECK_THAT(ended.out, Catch::Contains(what));
  }
}

TEST_CASE("the settings are shown with their origins and nothing runs", "[process]") {
  const TemporaryFolder folder;
  const Child child{.folder = folder.path(), .environment = {{"STRAIT_RUN_SEED", "5"}}};
  const Ended ended = run_strait({"run", "quadratic", "--rounds", "3", "--print-config"}, child);
  CHECK(ended.code == 0);
  CHECK_THAT(ended.out, Catch::Contains("; command line\nrounds = 3\n"));
  CHECK_THAT(ended.out, Catch::Contains("; STRAIT_RUN_SEED\nseed = 5\n"));
  CHECK_THAT(ended.out, Catch::Contains("\ninner_steps = "));
  CHECK(std::filesystem::is_empty(folder.path()));
  CHECK(only_line(run_strait({"run", "quadratic", "--print-config", "--rounds", "x"}, child)) ==
        "run.rounds: 'x' is not a whole number; write e.g. 60 (command line)");
}

TEST_CASE("bash completes commands, options, keys and their values", "[process]") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "completion", run_strait({"completion", "bash"}).out);
  const auto complete = [&](const std::string& words) {
    const std::string line = "source " + (folder / "completion") + "; COMP_WORDS=(" + words +
                             "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); compopt() { :; }; _strait; "
                             "echo \"${COMPREPLY[*]}\"";
    write_file_atomically(folder / "line", line);
    std::ignore = std::system(("bash " + (folder / "line") + " > " + (folder / "out")).c_str());
    return read_file(folder / "out");
  };
  CHECK(complete("strait ru") == "run\n");
  CHECK(complete("strait net s") == "show serve\n");
  CHECK(complete("strait run quadr") == "quadratic\n");
  CHECK(complete("strait run demo --run.inn") == "--run.inner_steps\n");
  CHECK(complete("strait run demo --run.strategy d") == "diloco data_parallel\n");
  CHECK(complete("strait join --adv") == "--advertise\n");
}

TEST_CASE("an installed program finds its scenarios", "[process]") {
  const TemporaryFolder folder;
  const std::string build = std::filesystem::path(program()).parent_path();
  const std::string log = " > " + (folder / "log") + " 2>&1";
  const auto shell = [&](const std::string& line) { return std::system((line + log).c_str()); };
  REQUIRE(shell("cmake --install " + build + " --prefix " + (folder / "to")) == 0);
  // Not the ones of the folder that it was built from.
  write_file_atomically(folder / "to/share/strait/scenarios/mine.ini",
                        read_file(scenario("quadratic")));
  CHECK(shell("cd " + folder.path() + " && to/bin/strait run mine --rounds 2") == 0);
  INFO(read_file(folder / "log"));
  CHECK(std::filesystem::exists(folder / "runs/mine-001/verdict.txt"));
  CHECK(std::filesystem::exists(folder / "to/share/bash-completion/completions/strait"));
  CHECK(std::filesystem::exists(folder / "to/share/doc/strait/docs/SCENARIOS.md"));
}

TEST_CASE("a run goes on when nobody reads what it prints", "[process]") {
  const TemporaryFolder folder;
  const std::string line = "cd " + folder.path() + " && " + program() + " run " +
                           scenario("quadratic") + " --rounds 20 | head -n 1";
  CHECK(std::system(line.c_str()) == 0);
  CHECK(std::filesystem::exists(folder / "runs/quadratic-001/verdict.txt"));
}

TEST_CASE("Ctrl+C ends a run with what was done so far", "[process]") {
  const TemporaryFolder folder;
  RunningStrait run({"run", scenario("quadratic"), "--rounds", "1000000", "--eval.every", "0"},
                    {.folder = folder.path()});
  while (!run.line().starts_with("diloco")) continue;
  const Ended ended = run.end(SIGINT);
  CHECK(ended.code == 130);
  CHECK_THAT(ended.err, Catch::StartsWith("strait: stopped by Ctrl+C after round "));
  CHECK_THAT(ended.err, Catch::Contains("what was done so far is in runs/quadratic-001"));
  auto files = files_in(folder / "runs/quadratic-001");
  CHECK_THAT(files["verdict.txt"], Catch::Contains("NOT FINISHED: stopped by Ctrl+C after round "));
  CHECK(std::count(files["metrics.csv"].begin(), files["metrics.csv"].end(), '\n') > 2);
}

TEST_CASE("doctor tells what is there and how to mend the rest", "[process]") {
  const TemporaryFolder folder;
  const Ended ended =
      run_strait({"doctor"}, {.folder = folder.path(), .environment = {{"STRAIT_DEPS", "/none"}}});
  CHECK(ended.code == 0);
  CHECK(ended.err.empty());
  for (const char* what : {"processor", "memory", "LibTorch", "GPU", "demo text", "scenarios"}) {
    CHECK_THAT(ended.out, Catch::Contains(what));
  }
  CHECK_THAT(ended.out, Catch::Contains("none in /none/manpages"));
  CHECK_THAT(ended.out, Catch::Contains("run scripts/setup.sh"));
  CHECK_THAT(ended.out, Catch::Contains(folder.path() + "/runs"));
  CHECK(std::filesystem::is_empty(folder.path()));  // looking changes nothing
}

}  // namespace
}  // namespace strait
