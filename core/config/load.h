// From a scenario file and a command line to a RunConfig that can be run.
//
// The command line wins over the environment (environment.h), that over the file, and the file over
// the default. All errors are UserErrors in one
// line with the place: "run.strtegy is not a key; did you mean run.strategy?
// (scenarios/demo.ini:7)". Reads files; any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/config/run_config.h"

namespace strait {

struct LoadedConfig {
  RunConfig config;  // valid and filled in: the values that count
  RunConfig given;   // before filling in: 0 or empty where the value comes from elsewhere

  std::map<std::string, std::string>
      origins;  // "scenarios/demo.ini:7", "command line" or "STRAIT_RUN_ROUNDS"; else default
  std::string scenario;  // path of the file; empty if there was none

  /// "demo" for scenarios/demo.ini, "run" without a scenario: what run folders are called.
  std::string name() const;
};

/// Names that stand for the scenarios which come with the program.
std::vector<std::string> scenario_names();

/// `scenario` is a path, or the name of a file in scenarios/ (as find_ours() finds it) without
/// ".ini"; empty = only defaults
/// and arguments, in which case one word of the arguments may be the scenario. Relative CSV paths
/// are looked for beside the scenario, then in the current folder (the other way round for those
/// from the command line), and have to be there.
LoadedConfig load_config(const std::string& scenario, const std::vector<std::string>& arguments);

/// The same from a text that resolved_ini() made elsewhere, `where` for short: its values count as
/// if they stood in a file; the scenario is called `name`.
LoadedConfig load_config_text(const std::string& text, const std::string& name,
                              const std::string& where, const std::vector<std::string>& arguments);

/// Every key with its value and, in a comment above it, where that came from if it is no default.
/// load_config reads it back to the same config.
std::string resolved_ini(const LoadedConfig& loaded);

}  // namespace strait
