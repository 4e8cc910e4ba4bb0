#include "core/config/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/config/environment.h"
#include "core/config/keys.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

namespace strait {
namespace {

using Words = std::vector<std::string>;

const Words kPipe = {"--network.kind", "pipe"};

/// Loads `text` as a scenario called s.ini and returns the error's line with the folder taken out.
std::string error_of(const std::string& text, const Words& arguments = {}) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "s.ini", text);
  try {
    load_config(folder / "s.ini", arguments);
  } catch (const UserError& error) {
    std::string line = error.what();
    for (auto at = line.find(folder.path() + "/"); at != std::string::npos;
         at = line.find(folder.path() + "/")) {
      line.erase(at, folder.path().size() + 1);
    }
    return line;
  }
  return "no error";
}

RunConfig load(const std::string& text, const Words& arguments = {}) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "s.ini", text);
  return load_config(folder / "s.ini", arguments).config;
}

std::string argument_error(const Words& arguments) {
  try {
    load_config("", arguments);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

TEST_CASE("the command line wins over the file and the file over the default", "[config]") {
  const std::string text = "[network]\nkind = pipe\n[run]\nrounds = 7\nseed = 3\n";
  CHECK(load(text).run.rounds == 7);
  CHECK(load(text, {"--run.rounds", "9"}).run.rounds == 9);
  CHECK(load(text, {"--rounds=9"}).run.rounds == 9);
  CHECK(load(text, {"--set", "run.rounds=9"}).run.rounds == 9);
  CHECK(load(text).run.seed == 3);
  CHECK(load(text).run.inner_steps == RunConfig{}.run.inner_steps);
}

TEST_CASE("short options stand for keys of the run", "[config]") {
  const RunConfig config =
      load_config("", {"--rounds", "2", "--seed", "18446744073709551615", "--islands", "3", "--out",
                       "o", "--record", "r", "--rounds.quorum", "2", "--network.kind", "pipe"})
          .config;
  CHECK(config.run.rounds == 2);
  CHECK(config.rounds.quorum == 2);
  CHECK(config.run.seed == 18446744073709551615u);
  CHECK(config.run.islands == 3);
  CHECK(config.run.out == "o");
  CHECK(config.run.record == "r");
}

TEST_CASE("values of every type are read with their units", "[config]") {
  const RunConfig config = load(
      "[network]\nkind = pipe\nwindow = 1.5MiB\ntcp = ideal\n"
      "[compute]\nstep = 80ms\njitter = 2%\nmemory_rate = inf\n"
      "[inner]\nlr = 3e-4\n[data]\nlanguages = en , de\n[run]\nparallel = false\n");
  CHECK(config.network.window == 1'572'864);
  CHECK(config.network.tcp == "ideal");
  CHECK(config.compute.step == std::chrono::milliseconds(80));
  CHECK(config.compute.jitter == 0.02);
  CHECK(config.compute.memory_rate == kUnlimited);
  CHECK(config.inner.lr == 3e-4);
  CHECK(config.data.languages == Words{"en", "de"});
  CHECK_FALSE(config.run.parallel);
}

TEST_CASE("comments, quotes, blanks and line ends are those of INI files", "[config]") {
  const RunConfig config = load(
      "\xEF\xBB\xBF; a comment\r\n# another\r\n  [network]\r\nkind=pipe\r\n"
      "[run]\r\n\r\nrounds = 3 \r\n  ; four\r\nseed = 4\r\n"
      "out = \" a # b ; \\\"c\\\"\"\r\nrecord = it # is ; so\r\n");
  CHECK(config.run.rounds == 3);
  CHECK(config.run.seed == 4);
  CHECK(config.run.out == " a # b ; \"c\"");
  CHECK(config.run.record == "it # is ; so");
  CHECK(load("network.kind = pipe\n[run]\nout = a#b").run.out == "a#b");
}

TEST_CASE("what is no INI is refused with its line", "[config]") {
  CHECK(error_of("[run]\nrounds 60\n") == "'rounds 60' has no '='; write key = value (s.ini:2)");
  CHECK(error_of("[run]\n= 60\n") ==
        "'= 60' has no key before the '='; write key = value (s.ini:2)");
  CHECK(error_of("\n[run\n") == "'[run' lacks its ']'; write [section] (s.ini:2)");
  CHECK(error_of("[]\n") == "[] is no section; write its name in the brackets (s.ini:1)");
  CHECK(error_of("[run] x = 3\n") ==
        "'x = 3' stands behind the section; give it a line of its own (s.ini:1)");
  CHECK(error_of("[run]\nout = \"a\n") == "\"a lacks the closing quote (s.ini:2)");
  CHECK(error_of(std::string("[\0r\0u\0n\0]\0", 10)) ==  // UTF-16
        "the line has a control character in it; save the file as plain UTF-8 text (s.ini:1)");
  CHECK(error_of("[run]\nout = \"a\" b\n") ==
        "'b' stands behind the closing quote; put all of the value in quotes (s.ini:2)");
}

TEST_CASE("a comment behind something else is refused with its line", "[config]") {
  CHECK(error_of("[run] ; so\n") ==
        "'; so' stands behind something else; give a comment a line of its own (s.ini:1)");
  CHECK(error_of("[run]\nout = ; so\n") ==
        "'; so' stands behind something else; give a comment a line of its own (s.ini:2)");
  CHECK(error_of("[run]\nout = 'a' # so\n") ==
        "'# so' stands behind something else; give a comment a line of its own (s.ini:2)");
  CHECK(error_of("[run]\nrounds = 3 ; so\n") ==
        "run.rounds: '3 ; so' is not a whole number; write e.g. 60; a comment needs a line of its "
        "own (s.ini:2)");
}

TEST_CASE("the environment wins over the file and the command line over it", "[config]") {
  const std::string text = "[network]\nkind = pipe\n[run]\nrounds = 7\nseed = 3\n";
  ::setenv("STRAIT_RUN_ROUNDS", "8", 1);
  ::setenv("STRAIT_DATA_PARALLEL_MISSING", "shrink", 1);
  const RunConfig config = load(text);
  CHECK(config.run.rounds == 8);
  CHECK(config.run.seed == 3);
  CHECK(config.data_parallel.missing == "shrink");
  CHECK(load(text, {"--rounds", "9"}).run.rounds == 9);
  ::setenv("STRAIT_RUN_ROUNDS", "8x", 1);
  CHECK(error_of(text) ==
        "run.rounds: '8x' is not a whole number; write e.g. 60 (STRAIT_RUN_ROUNDS)");
  ::unsetenv("STRAIT_RUN_ROUNDS");
  ::unsetenv("STRAIT_DATA_PARALLEL_MISSING");
}

TEST_CASE("variables that are meant as keys are told apart from others", "[config]") {
  const auto settings = environment_settings({"STRAIT_DEPS=/x", "PATH=/bin", "STRAIT_LAB_ISLAND=2",
                                              "STRAIT_RUN_SEED=", "STRAIT_INNER_LR=a=b"});
  REQUIRE(settings.size() == 2);
  CHECK(settings[0].key == "run.seed");
  CHECK(settings[0].value.empty());
  CHECK(settings[1].variable == "STRAIT_INNER_LR");
  CHECK(settings[1].value == "a=b");
  CHECK_THROWS_WITH(environment_settings({"STRAIT_RUN_ROUNS=3"}),
                    "STRAIT_RUN_ROUNS (environment) stands for no key; did you mean "
                    "STRAIT_RUN_ROUNDS?");
  std::vector<std::string> variables;
  for (const Key& key : keys()) variables.push_back(variable_of(key.name));
  std::sort(variables.begin(), variables.end());
  CHECK(std::adjacent_find(variables.begin(), variables.end()) == variables.end());
}

TEST_CASE("unknown names are refused with the nearest name and the line", "[config]") {
  CHECK(error_of("[run]\n\nstrtegy = diloco\n") ==
        "run.strtegy is not a key; did you mean run.strategy? (s.ini:3)");
  CHECK(error_of("[run]\nlr = 1\n") ==
        "run.lr is not a key; did you mean inner.lr, outer.lr or pretrain.lr? (s.ini:2)");
  CHECK(error_of("[run]\nbanana = 1\n") ==
        "run.banana is not a key; strait run --help lists all keys (s.ini:2)");
  CHECK(error_of("[rnu]\nrounds = 3\n") == "[rnu] is not a section; did you mean [run]? (s.ini:1)");
  CHECK_THAT(error_of("[fruit]\n"),
             Catch::Contains("[fruit] is not a section; there are run, task, model,"));
  CHECK(error_of("rounds = 3\n") ==
        "rounds stands before the first [section]; write the section's name above it (s.ini:1)");
}

TEST_CASE("a key that is given twice is refused with both places", "[config]") {
  CHECK(error_of("[run]\nseed = 1\nrounds = 2\nseed = 1\n") ==
        "run.seed is given twice: s.ini:2 and s.ini:4; keep one");
  CHECK(argument_error({"--seed", "1", "--run.seed", "2"}) ==
        "run.seed is given twice (command line); keep one");
}

TEST_CASE("values that cannot be read are refused with key, value and a right one", "[config]") {
  CHECK(error_of("[run]\nrounds =\n") ==
        "run.rounds has no value; write e.g. run.rounds = 60 (s.ini:2)");
  CHECK(error_of("[run]\nrounds = 6o\n") ==
        "run.rounds: '6o' is not a whole number; write e.g. 60 (s.ini:2)");
  CHECK(error_of("[run]\nislands = 99999999999\n") ==
        "run.islands: '99999999999' is too large; write e.g. 4 (s.ini:2)");
  CHECK(error_of("[run]\nseed = -1\n") ==
        "run.seed: '-1' is not a whole number; write e.g. 1 (s.ini:2)");
  CHECK(error_of("[inner]\nlr = nan\n") ==
        "inner.lr: 'nan' is not a number; write e.g. 0.002 (s.ini:2)");
  CHECK(error_of("[run]\nparallel = maybe\n") ==
        "run.parallel: 'maybe' is neither true nor false; write true or false (s.ini:2)");
  CHECK(error_of("[run]\nstrategy = dilocoo\n") ==
        "run.strategy: 'dilocoo' is not diloco, data_parallel or local; did you mean diloco? "
        "(s.ini:2)");
  CHECK(error_of("[data]\nlanguages = en,,de\n") ==
        "data.languages: 'en,,de' has an empty name in its list; write e.g. en,de,fr,es (s.ini:2)");
  CHECK(error_of("[compute]\nstep = 150\n") ==
        "compute.step: '150' has no unit; write e.g. 80ms (s.ini:2)");
  CHECK(error_of("", {"--collective.codec", "int4"}) ==
        "collective.codec: 'int4' is not fp32, bf16 or int8; did you mean int8? (command line)");
}

TEST_CASE("mistakes on the command line are told in one line", "[config]") {
  CHECK(argument_error({"--run.strtegy", "diloco"}) ==
        "run.strtegy is not a key; did you mean run.strategy? (command line)");
  CHECK(argument_error({"--strategy", "diloco"}) ==
        "strategy is not a key; did you mean run.strategy? (command line)");
  CHECK(argument_error({"--round", "3"}) == "--round is not an option; did you mean --rounds?");
  CHECK(argument_error({"--run.round", "3"}) ==
        "run.round is not a key; did you mean run.rounds? (command line)");
  CHECK(argument_error({"--rounds"}) == "--rounds has no value; write --rounds VALUE");
  CHECK(argument_error({"--rounds="}) == "--rounds has no value; write --rounds VALUE");
  CHECK(argument_error({"--rounds", ""}) ==
        "run.rounds has no value; write e.g. run.rounds = 60 (command line)");
  CHECK(argument_error({"--set", "run.rounds"}) == "--set run.rounds: write --set key=value");
  CHECK(argument_error({"--set", "run.ronds=3"}) ==
        "run.ronds is not a key; did you mean run.rounds? (command line)");
  CHECK(argument_error({"-n", "3"}) == "-n is not an option; write --key value");
  CHECK(argument_error({"--inner.lr", "-1"}) == "inner.lr = -1: has to be above 0 (command line)");
  CHECK(argument_error({"--run.out", "a\nb"}) ==
        "run.out: the value has a control character in it; write it in one line (command line)");
}

TEST_CASE("one word of the command line may be the scenario and no more", "[config]") {
  const TemporaryFolder folder;
  const std::string scenario = folder / "s.ini";
  write_file_atomically(scenario, "[run]\nrounds = 5\n[network]\nkind = pipe\n");
  CHECK(load_config("", {"--seed", "2", scenario}).config.run.rounds == 5);
  CHECK(argument_error({scenario, "b.ini"}) ==
        fmt::format("'b.ini' is one word too many: the scenario is {}; write --key value for "
                    "settings",
                    scenario));
  CHECK_THROWS_WITH(load_config(scenario, {"b.ini"}),
                    Catch::Contains("'b.ini' is one word too many"));
}

TEST_CASE("a missing scenario is answered with the nearest one", "[config]") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "demo.ini", "");
  write_file_atomically(folder / "parity.ini", "");
  CHECK_THROWS_WITH(load_config(folder / "dmeo.ini", {}),
                    fmt::format("no scenario {}/dmeo.ini; did you mean {}/demo.ini?", folder.path(),
                                folder.path()));
  CHECK_THROWS_WITH(
      load_config(folder / "wan.ini", {}),
      fmt::format("no scenario {0}/wan.ini; there are {0}/demo.ini and {0}/parity.ini",
                  folder.path()));
  CHECK_THROWS_AS(load_config(folder.path(), {}), UserError);  // a folder is no scenario
}

TEST_CASE("CSV files are looked for beside the scenario and have to be there", "[config]") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "links.csv", "");
  write_file_atomically(folder / "s.ini", "[network]\nlinks = links.csv\n");
  CHECK(load_config(folder / "s.ini", {}).config.network.links == folder / "links.csv");
  CHECK(error_of("[network]\nlinks = links.csv\n") ==
        "network.links: no file links.csv; write its path from the scenario's folder (s.ini:2)");
  for (const std::string key : {"network.islands", "network.bottlenecks", "network.events"}) {
    CHECK(error_of("", {"--" + key, "no/where.csv"}) ==
          key + ": no file no/where.csv; write its path from the scenario's folder (command line)");
  }
  CHECK(error_of("", {"--network.links", "no/where.csv"}) ==
        "network.links: no file no/where.csv; write its path from the scenario's folder (command "
        "line)");
  CHECK_THAT(error_of(""),
             Catch::Contains("network.links is empty: an emulated network needs a CSV file"));
}

TEST_CASE("the resolved scenario says where each value comes from and reads back the same",
          "[config]") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "links.csv", "");
  write_file_atomically(folder / "s.ini",
                        "[network]\nlinks = links.csv\n[run]\nrounds = 7\nout = 'a;#\" b\\ '\n"
                        "[inner]\nwarmup = 12.5%\nlr = 1.2345678901234567e-3\n"
                        "[compute]\njitter = 0.0001%\nmemory_rate = inf\nstep = 1500us\n");
  const LoadedConfig loaded =
      load_config(folder / "s.ini", {"--seed", "9", "--data.languages", "de,en"});
  const std::string text = resolved_ini(loaded);
  CHECK_THAT(text, Catch::Contains(fmt::format("; {}:4\nrounds = 7\n", folder / "s.ini")));
  CHECK_THAT(text, Catch::Contains("; command line\nseed = 9\n"));
  CHECK_THAT(text, Catch::Contains("rounds = 7\ninner_steps = 20\n"));
  CHECK_THAT(text, Catch::Contains("; stands for 2\nlayers = 0\n"));

  write_file_atomically(folder / "resolved.ini", text);
  const LoadedConfig again = load_config(folder / "resolved.ini", {});
  CHECK(again.config == loaded.config);
  CHECK(again.given == loaded.given);
  CHECK(loaded.name() == "s");
}

TEST_CASE("every key prints its default so that it is read back", "[config]") {
  const RunConfig defaults;
  for (const Key& key : keys()) {
    CAPTURE(key.name);
    RunConfig read;
    read.run.rounds = 1;  // so that at least one of them has to be read to be equal
    key.parse(read, key.print(defaults));
    CHECK(key.print(read) == key.print(defaults));
    CHECK_FALSE(key.help.empty());
    CHECK(find_key(key.name) == &key);
    CHECK_THAT(keys_help(), Catch::Contains("--" + key.name));
  }
}

}  // namespace
}  // namespace strait
