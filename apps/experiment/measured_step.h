// compute.device = this: how long an inner step takes on the machine that the run is on.
#pragma once

#include "apps/experiment/task_source.h"
#include "core/config/load.h"

namespace strait {

/// The same settings with `compute.step` as measured, and no device any more, so that what the run
/// folder holds repeats the run to the bit. Unchanged if no measurement was asked for.
///
/// One island alone makes some steps (islands that share a device would measure each other): of
/// 3 to 20, within about two seconds, after two that warm up, the median. Takes that long, on a
/// thread of its own. Throws what the task throws.
LoadedConfig with_measured_step(LoadedConfig loaded, const TaskSource& tasks);

}  // namespace strait
