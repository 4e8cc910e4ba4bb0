// strait demo: DiLoCo over a bad network, the same work with data parallelism, and one island
// alone.

#include "apps/commands/commands.h"
#include "apps/experiment/session.h"
#include "core/base/places.h"

namespace strait {

std::string demo_scenario() { return find_ours("scenarios/demo.ini"); }

int command_demo(const std::vector<std::string>& arguments) {
  const LoadedConfig loaded = load_config(demo_scenario(), arguments);
  return run_session(loaded, demo_arms(loaded.config));
}

}  // namespace strait
