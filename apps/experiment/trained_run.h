// TrainedRun: what a run's folder holds of its training: the settings, and per arm the held-out
// losses by round and what it cost on its own network.
//
// As long as every island takes part in every round, losses do not depend on the network, and the
// same training can be priced on others (apps/experiment/price.h). Reads files; thread: any.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/experiment/arm.h"
#include "core/config/load.h"

namespace strait {

struct TrainedRow {
  Nanos time{0};  // when the last island was done with the round, on the run's own network
  std::optional<double> held_out;
};

struct TrainedArm {
  ArmOptions options;
  std::vector<TrainedRow> rows;  // by round, from the branch point on
  std::int64_t tokens = 0;

  // On the run's own network:
  Nanos time{0};
  Nanos waited{0};  // mean over islands
  Bytes payload = 0;
  Bytes wire = 0;
};

struct TrainedRun {
  std::string folder;
  LoadedConfig loaded;
  std::vector<TrainedArm> arms;
  std::string bound;  // why its losses belong to its own network; empty: they do not
};

/// Throws UserError: that is no run's folder, or the run has not come to its end.
TrainedRun read_trained_run(const std::string& folder);

/// Its settings, with `keys` (as on the command line) changed: they may say what costs time, but
/// not what is trained. Throws UserError.
LoadedConfig load_run(const std::string& folder, const std::vector<std::string>& keys);

/// The folder has what a run writes first.
bool is_run_folder(const std::string& path);

/// The newest finished run of these settings, by this program, in run.out under its usual name;
/// empty if there is none. Its network may be another.
std::string find_trained(const LoadedConfig& loaded);

}  // namespace strait
