// strait run SCENARIO [--key value]: one run of the strategy that the scenario names.

#include "apps/commands/commands.h"
#include "apps/experiment/session.h"

namespace strait {

int command_run(const std::vector<std::string>& arguments) {
  const LoadedConfig loaded = load_config("", arguments);
  Session session(loaded, {own_arm(loaded.config)}, deps_folder());
  session.run();
  return 0;
}

}  // namespace strait
