// strait run SCENARIO [--key value]: one run of the strategy that the scenario names; under a
// launcher, this process's part of a real one (real.cc).

#include <fmt/format.h>

#include "apps/commands/commands.h"
#include "apps/experiment/session.h"
#include "core/base/errors.h"
#include "netsim/virtual_loop.h"

namespace strait {

std::string run_session(const LoadedConfig& loaded, const std::vector<ArmOptions>& arms,
                        std::FILE* out) {
  check_machine(loaded.config);
  Session session(loaded, arms, deps_folder(), /*coordinator=*/std::nullopt, out);
  try {
    session.run();
  } catch (const Deadlock& deadlock) {
    const auto& network = loaded.config.network;
    if (network.kind != "emulated") throw;
    throw Deadlock(
        fmt::format("{}; look for {} in {}", deadlock.what(),
                    network.events.empty() ? "a link that is too slow" : "a link that stays down",
                    network.events.empty() ? network.links : network.events));
  }
  return session.folder();
}

int command_run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    throw UserError("no scenario; write strait run SCENARIO, e.g. scenarios/quadratic.ini");
  }
  if (const auto code = run_under_launcher(arguments)) return *code;
  const LoadedConfig loaded = load_config("", arguments);
  run_session(loaded, {own_arm(loaded.config)});
  return 0;
}

}  // namespace strait
