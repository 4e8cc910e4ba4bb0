// strait demo: DiLoCo over a bad network, the same work with data parallelism, and one island
// alone; at the end what the same training costs on other networks.

#include <fmt/format.h>

#include "apps/commands/commands.h"
#include "apps/commands/priced_words.h"
#include "apps/experiment/session.h"
#include "core/base/errors.h"
#include "core/base/places.h"

namespace strait {

std::string demo_scenario() { return find_ours("scenarios/demo.ini"); }

namespace {

constexpr const char* kElsewhere[] = {"datacenter", "transatlantic", "home_dsl"};

Keys networks_elsewhere() {
  Keys paths;
  for (const char* name : kElsewhere) {
    paths.push_back(find_ours(fmt::format("scenarios/{}.ini", name)));
  }
  return paths;
}

}  // namespace

int command_demo(const std::vector<std::string>& arguments) {
  const LoadedConfig loaded = load_config(demo_scenario(), arguments);
  const std::string folder = run_session(loaded, demo_arms(loaded.config));
  fmt::print("\nThe same training on other networks (strait price {} --links FILE...):\n\n",
             folder);
  try {
    const TrainedRun run = read_trained_run(folder);
    check_priceable(run);
    PricedWords words;
    words.links = networks_elsewhere();
    const auto venues = venues_of(words, [&](const Keys& more) { return load_run(folder, more); });
    show_prices(price_rows(requests_of(folder, run, venues)), words);
  } catch (const UserError& error) {
    // With keys of one's own the run may fit no other network; it is none the worse for that.
    fmt::print("no prices: {}\n", error.what());
  }
  return 0;
}

}  // namespace strait
