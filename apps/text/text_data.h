// From the settings to the text that they name and its batches. Needs no LibTorch.
#pragma once

#include <string>

#include "core/config/run_config.h"
#include "core/train/data/batches.h"
#include "core/train/data/corpus.h"

namespace strait {

/// `deps` is the folder of the set-up (.deps), where the manual pages lie.
TextOptions text_options(const RunConfig& config, const std::string& deps);

/// Of filled-in settings.
BatchOptions batch_options(const RunConfig& config);

}  // namespace strait
