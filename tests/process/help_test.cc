// What the program says about itself.
#include <algorithm>
#include <filesystem>

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

TEST_CASE("the version is one line", "[process]") {
  const Ended ended = run_strait({"--version"});
  CHECK(ended.code == 0);
  CHECK(ended.out.starts_with("strait "));
  CHECK(std::count(ended.out.begin(), ended.out.end(), '\n') == 1);
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
