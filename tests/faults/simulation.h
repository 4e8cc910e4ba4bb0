// A simulation: the world of one seed, from its first round to its last, with the faults of its
// plan and an auditor who watches.
//
// Thread: the caller's is the loop's; several simulations may run at once. Nothing is printed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/units.h"

namespace strait {

struct SimulationResult {
  std::uint64_t seed = 0;
  std::string finding;  // one line; empty if all was well
  std::string plan;
  std::vector<std::string> log;  // if it was asked for
  std::uint64_t trace_hash = 0;
  Nanos ended{0};
  int faults = 0;  // that came to pass
};

SimulationResult simulate(std::uint64_t seed, bool log = false);

}  // namespace strait
