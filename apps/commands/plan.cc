// strait plan SCENARIO [--key value]: what a run will cost, without training.
// strait plan --models: the models that have a name, and what they cost.
// strait plan --papers [--tcp]: the papers' model of bandwidth beside what they print; with TCP.

#include <cstdio>

#include "apps/commands/commands.h"
#include "apps/experiment/model_costs.h"
#include "apps/experiment/plan.h"
#include "apps/experiment/session.h"
#include "apps/output/progress.h"
#include "apps/papers/papers.h"
#include "apps/papers/papers_tcp.h"
#include "core/base/errors.h"

namespace strait {

int command_plan(const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    throw UserError(
        "no scenario; write strait plan SCENARIO, e.g. scenarios/quadratic.ini, or strait plan "
        "--papers");
  }
  if (arguments.front() == "--models") {
    if (arguments.size() > 1) {
      throw UserError("'" + arguments[1] + "' is one word too many; write strait plan --models");
    }
    std::fputs(models_text().c_str(), stdout);
    return 0;
  }
  Progress progress(stdout, is_terminal(stdout));
  if (arguments.front() == "--papers") {
    const bool tcp = arguments.size() > 1 && arguments[1] == "--tcp";
    if (arguments.size() > (tcp ? 2u : 1u)) {
      throw UserError("'" + arguments[tcp ? 2 : 1] +
                      "' is one word too many; write strait plan --papers, or strait plan --papers "
                      "--tcp");
    }
    const std::string text = tcp ? papers_tcp_text(tcp_conditions(),
                                                   [&](int done, int total) {
                                                     progress.bar("transferring", done, total);
                                                   })
                                 : papers_text();
    progress.clear();
    std::fputs(text.c_str(), stdout);
    return 0;
  }
  const LoadedConfig loaded = load_config("", arguments);
  const std::string text = plan_text(loaded, fabric_of(loaded.config), [&](int done, int total) {
    progress.bar("rehearsing", done, total);
  });
  progress.clear();
  std::fputs(text.c_str(), stdout);
  return 0;
}

}  // namespace strait
