// ScenarioRun: a scenario of the library, run as the program runs it, with keys changed as on the
// command line, and what a test asks about it.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "apps/experiment/session.h"
#include "core/base/check.h"
#include "core/base/storage.h"

namespace strait {

struct ScenarioRun {
  RunConfig config;
  NetworkDescription network;
  ArmResult result;

  int rounds() const { return static_cast<int>(result.rows.size()) - 1; }
  const RoundRow& row(int round) const { return result.rows.at(static_cast<std::size_t>(round)); }
  Nanos time() const { return result.rows.back().time; }
  Nanos begin(int round) const { return row(round - 1).time; }
  Nanos end(int round) const { return row(round).time; }
  Nanos round_time(int round) const { return end(round) - begin(round); }

  /// Of a round, without jitter and where all islands are alike.
  Nanos compute() const { return config.run.inner_steps * config.compute.step; }
  Nanos exchange(int round) const { return round_time(round) - compute(); }

  /// Of all islands' time, the part in which they wait for others.
  double waiting() const { return seconds(result.rows.back().waited) / seconds(time()); }

  bool contributed(IslandId island, int round) const {
    return row(round).roster.weight_of(island) > 0;
  }

  const LinkCounters& link(const std::string& name) const {
    for (const LinkRow& link : result.costs.links) {
      if (link.name == name) return link.counters;
    }
    throw std::out_of_range(name);
  }

  /// When it happened to the island for the first time; kNever if it did not.
  Nanos when(TraceKind kind, IslandId island) const {
    for (const TraceRecord& event : result.events) {
      if (event.kind == kind && event.a == island) return event.time;
    }
    return Nanos::max();
  }
};

inline ScenarioRun run_scenario(const std::string& name,
                                const std::vector<std::string>& changes = {}) {
  const std::string path = std::string(STRAIT_SOURCE_DIR) + "/scenarios/" + name + ".ini";
  const RunConfig config = load_config(path, changes).config;
  const auto tasks = make_task_source(config, "");
  const Experiment experiment{config, *tasks, fabric_of(config)};
  SimulatedStorage journal;
  ScenarioRun run{config, experiment.fabric.description,
                  run_arm(experiment, own_arm(config), nullptr, journal, {})};
  if (run.result.failure) std::rethrow_exception(run.result.failure);
  return run;
}

}  // namespace strait
