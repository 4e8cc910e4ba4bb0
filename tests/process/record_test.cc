// Records, repeated from their files alone by scripts/check_record.py (numpy).
#ifdef STRAIT_WITH_TORCH

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "core/base/files.h"
#include "tests/process/program.h"

namespace strait {
namespace {

std::string python() {
  const char* named = std::getenv("STRAIT_PYTHON");
  return named != nullptr ? named : "python3";
}

bool has_numpy() {
  static const bool has = std::system((python() + " -c 'import numpy' 2>/dev/null").c_str()) == 0;
  return has;
}

int check_record(const std::string& folder) {
  const std::string command = fmt::format("{} {} --no-torch {} > {}/told 2>&1", python(),
                                          script("check_record.py"), folder, folder);
  return std::system(command.c_str());
}

/// Four islands, eight rounds of two steps of 1 s; island 3 is silent in rounds 3 and 4.
class Place {
 public:
  Place() {
    std::filesystem::create_directories(folder_ / "text/one");
    for (int file = 0; file < 40; ++file) {
      std::string words;
      for (int i = 0; i < 400; ++i) words += fmt::format("one {} {}\n", file, i * file);
      write_file_atomically(folder_ / fmt::format("text/one/{}.txt", file), words);
    }
    write_file_atomically(folder_ / "links.csv", "island,up,down,delay\n*,1gbit,1gbit,1ms\n");
    write_file_atomically(folder_ / "events.csv",
                          "time,kind,subject,value\n5s,island_silent,3,4.6s\n");
    write_file_atomically(
        folder_ / "s.ini",
        "[run]\nislands = 4\nrounds = 8\ninner_steps = 2\n"
        "[model]\nlayers = 1\nwidth = 32\nheads = 2\ncontext = 16\n"
        "[data]\ntext = text\nheld_out_windows = 4\nsequences = 1\n"
        "[compute]\nstep = 1s\n[rounds]\nquorum = 3\ngrace = 500ms\nmiss_after = 1800ms\n"
        "[network]\nlinks = links.csv\n[eval]\nevery = 0\n[pretrain]\nsteps = 0\n");
  }

  /// What the check said, ending in "right" if it was.
  std::string record(const std::string& name, const Words& more) const {
    const Ended run =
        run_strait(Words{"run", "s.ini", "--record", name} + more, {.folder = folder_.path()});
    CAPTURE(run.err);
    REQUIRE(run.code == 0);
    const int code = check_record(folder_ / name);
    return read_file(folder_ / (name + "/told")) + (code == 0 ? "" : "wrong");
  }
  std::string operator/(const std::string& name) const { return folder_ / name; }

 private:
  TemporaryFolder folder_;
};

TEST_CASE("a record of each outer optimizer can be repeated", "[process]") {
  if (!has_numpy()) {
    WARN("SKIPPED: no numpy; STRAIT_PYTHON names a python that has it");
    return;
  }
  const Place place;
  for (const std::string outer : {"nesterov", "sgd", "momentum", "adam"}) {
    const std::string told =
        place.record(outer, {"--outer.optimizer", outer, "--outer.schedule",
                             outer == "sgd" ? "cosine" : "constant", "--pretrain.steps",
                             outer == "momentum" ? "2" : "0", "--inner.accumulate",
                             outer == "adam" ? "2" : "1"});
    INFO(told);
    CHECK_THAT(told, Catch::EndsWith("right\n"));
  }
}

TEST_CASE("a record of an island that missed two rounds can be repeated", "[process]") {
  if (!has_numpy()) {
    WARN("SKIPPED: no numpy; STRAIT_PYTHON names a python that has it");
    return;
  }
  const Place place;
  for (const std::string missed : {"continue", "receive", "rejoin"}) {
    const std::string told =
        place.record(missed, {"--network.events", "events.csv", "--rounds.missed", missed,
                              "--rounds.weights", "tokens"});
    INFO(missed << ": " << told);
    CHECK_THAT(told, Catch::EndsWith("right\n"));
    CHECK_THAT(told, !Catch::Contains(" 0 times nothing received"));
    const std::string steps = read_file(place / (missed + "/island_003/steps.csv"));
    CHECK_THAT(steps, Catch::Contains("\n2,2,"));  // its third step is of round 2
  }
}

TEST_CASE("a record that was changed is found out", "[process]") {
  if (!has_numpy()) {
    WARN("SKIPPED: no numpy; STRAIT_PYTHON names a python that has it");
    return;
  }
  const Place place;
  CHECK_THAT(place.record("good", {}), Catch::EndsWith("right\n"));
  std::filesystem::copy_file(place / "good/round_0002/shared.safetensors",
                             place / "good/round_0003/shared.safetensors",
                             std::filesystem::copy_options::overwrite_existing);
  CHECK(check_record(place / "good") != 0);
  CHECK_THAT(read_file(place / "good/told"), Catch::Contains("outer steps differ"));
}

TEST_CASE("a record of islands that begin in the middle is refused", "[process]") {
  const Place place;
  write_file_atomically(place / "kill.csv", "time,kind,subject,value\n5s,island_kill,3,\n");
  CHECK_THAT(mistake({"run", "s.ini", "--record", "new", "--network.events", "kill.csv"},
                     {.folder = place / ""}),
             Catch::StartsWith("run.record: steps of islands that are killed"));
}

}  // namespace
}  // namespace strait

#endif
