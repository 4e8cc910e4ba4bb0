// Every scenario in the repository can be loaded, from any folder.
#include <filesystem>

#include "core/config/load.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

namespace fs = std::filesystem;

const fs::path kScenarios = fs::path(STRAIT_SOURCE_DIR) / "scenarios";

TEST_CASE("every scenario loads, and its files are there", "[config]") {
  int found = 0;
  for (const auto& entry : fs::directory_iterator(kScenarios)) {
    if (entry.path().extension() != ".ini") continue;
    CAPTURE(entry.path());
    CHECK_NOTHROW(load_config(entry.path(), {}));
    ++found;
  }
  CHECK(found >= 3);
}

TEST_CASE("the parity scenario trains with the demo's settings", "[config]") {
  const RunConfig demo = load_config(kScenarios / "demo.ini", {}).config;
  const RunConfig parity = load_config(kScenarios / "parity.ini", {}).config;
  CHECK(settings_hash(parity) == settings_hash(demo));
}

TEST_CASE("a scenario of nothing but links is the demo on these links", "[config]") {
  const RunConfig demo = load_config(kScenarios / "demo.ini", {}).config;
  const RunConfig bare = load_config("", {"--network.links", demo.network.links}).config;
  CHECK(bare == demo);
}

}  // namespace
}  // namespace strait
