// The production protocol under injected faults: simulations of many seeds, each with its own plan
// (fault_plan.h), and an auditor who knows the truth (auditor.h).
#include <cstdlib>

#include "tests/faults/simulation.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

TEST_CASE("300 seeds of faults leave every island with the truth", "[faults]") {
  int faults = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const SimulationResult result = simulate(seed);
    INFO(result.plan << "replay: build/net/tests/fault_run --seed " << seed << " --log");
    CHECK(result.finding == "");
    faults += result.faults;
  }
  CHECK(faults > 600);
}

TEST_CASE("the same seed of faults is the same run", "[faults]") {
  for (const std::uint64_t seed : {3, 14, 159}) {
    const SimulationResult first = simulate(seed);
    const SimulationResult second = simulate(seed, /*log=*/true);
    CHECK(first.trace_hash == second.trace_hash);
    CHECK(first.ended == second.ended);
    CHECK(first.plan == second.plan);
  }
}

TEST_CASE("the bugs that scripts/planted_bugs.sh plants still apply", "[faults]") {
  CHECK(std::system("scripts/planted_bugs.sh --check") == 0);
}

}  // namespace
}  // namespace strait
