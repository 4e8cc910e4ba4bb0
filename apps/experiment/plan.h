// The plan of a scenario: what a run will cost, by rehearsal, and which H and codec its links can
// carry. As text for people; figures of the whole run are exact, for programs to read.
//
// Thread: any, as run_arm.
#pragma once

#include <functional>
#include <string>

#include "apps/experiment/rehearsal.h"
#include "core/config/load.h"

namespace strait {

/// `working` is told before each rehearsal how many of all are done. Throws what the run would.
std::string plan_text(const LoadedConfig& loaded, const FabricOptions& fabric,
                      const std::function<void(int done, int total)>& working);

}  // namespace strait
