// strait run SCENARIO [--key value]: one run of the strategy that the scenario names; under a
// launcher, this process's part of a real one (real.cc).

#include <fmt/format.h>

#include <optional>

#include "apps/commands/commands.h"
#include "apps/experiment/session.h"
#include "core/base/errors.h"
#include "core/base/interrupt.h"
#include "netsim/virtual_loop.h"

namespace strait {

int run_session(const LoadedConfig& loaded, const std::vector<ArmOptions>& arms) {
  check_machine(loaded.config);
  Session session(loaded, arms, deps_folder());
  // The wall clock's loop has a watch of its own.
  std::optional<InterruptWatch> watch;
  if (loaded.config.run.time == "virtual") watch.emplace();
  try {
    session.run();
    report_run(session.folder());
  } catch (const Deadlock& deadlock) {
    const auto& network = loaded.config.network;
    if (network.kind != "emulated") throw;
    throw Deadlock(
        fmt::format("{}; look for {} in {}", deadlock.what(),
                    network.events.empty() ? "a link that is too slow" : "a link that stays down",
                    network.events.empty() ? network.links : network.events));
  }
  return 0;
}

int command_run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    throw UserError("no scenario; write strait run SCENARIO, e.g. scenarios/quadratic.ini");
  }
  if (const auto code = run_under_launcher(arguments)) return *code;
  const LoadedConfig loaded = load_config("", arguments);
  return run_session(loaded, {own_arm(loaded.config)});
}

}  // namespace strait
