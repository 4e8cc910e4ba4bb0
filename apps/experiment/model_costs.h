// What a model costs an island: memory, and work per inner step. From the settings alone, without
// building anything. Pure functions; any thread.
#pragma once

#include <string>

#include "core/base/units.h"
#include "core/config/run_config.h"

namespace strait {

/// Of one island, fp32. With a GPU the buffers are the host's all the same.
struct IslandMemory {
  Bytes parameters = 0;
  Bytes gradients = 0;
  Bytes inner_state = 0;  // AdamW's moments
  Bytes shared = 0;       // the shared copy of the parameters
  Bytes outer_state = 0;  // momentum, or Adam's moments
  Bytes exchange = 0;     // the own outer gradient and the mean; the mean gradient
  Bytes activations = 0;  // an estimate of what passes keep; for the CPU

  Bytes buffers() const {
    return parameters + gradients + inner_state + shared + outer_state + exchange;
  }
  Bytes total() const { return buffers() + activations; }
};

/// Without what the network holds of messages on their way. Throws UserError for a model that
/// cannot be built.
IslandMemory memory_of(const RunConfig& config);

/// Two lines of a plan: memory of an island and work of a step, by their parts.
std::string costs_text(const RunConfig& config);

/// A table of all sizes that have a name, each with its publishers' vocabulary.
std::string models_text();

}  // namespace strait
