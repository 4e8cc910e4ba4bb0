// Settings from the environment: STRAIT_RUN_ROUNDS=10 is run.rounds. Pure function; any thread.
#pragma once

#include <string>
#include <vector>

namespace strait {

struct EnvironmentSetting {
  std::string variable;  // "STRAIT_RUN_ROUNDS"
  std::string key;       // "run.rounds"
  std::string value;
};

/// What a key is called in the environment.
std::string variable_of(const std::string& key);

/// Of `environment`, lines as in environ(7), those that name keys, in the order of the table of
/// keys. Throws UserError for one whose name begins like those of a section and is no key's;
/// STRAIT_DEPS and others are no settings of a run.
std::vector<EnvironmentSetting> environment_settings(const std::vector<std::string>& environment);

}  // namespace strait
