// strait demo: DiLoCo over a bad network, the same work with data parallelism, and one island
// alone.

#include "apps/commands/commands.h"
#include "apps/experiment/session.h"

namespace strait {

int command_demo(const std::vector<std::string>& arguments) {
  const LoadedConfig loaded = load_config(find_in_repository("scenarios/demo.ini"), arguments);
  return run_session(loaded, demo_arms(loaded.config));
}

}  // namespace strait
