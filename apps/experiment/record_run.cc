#include "apps/experiment/record_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/errors.h"

namespace strait {

namespace {

RecordManifest manifest_of(const Experiment& experiment, const ArmOptions& arm) {
  const RunConfig& c = experiment.config;
  return {.model = {.layers = c.model.layers,
                    .width = c.model.width,
                    .heads = c.model.heads,
                    .head_size = c.model.head_size,
                    .vocabulary = c.model.vocabulary,
                    .context = c.model.context,
                    .init_std = c.model.init_std},
          .inner = inner_options(c),
          .outer = outer_options(c),
          .islands = arm.islands,
          .inner_steps_per_round = c.run.inner_steps,
          .rounds = c.run.rounds,
          .pretrain_steps = c.pretrain.steps,
          .strategy = arm.strategy,
          .codec = c.collective.codec,
          .missed_round_policy = c.rounds.missed,
          .at_outer_step = c.inner.at_outer_step,
          .weights = c.rounds.weights};
}

}  // namespace

void check_recordable(const Experiment& experiment, const ArmOptions& arm) {
  const RunConfig& c = experiment.config;
  if (c.task.name != "language") {
    throw UserError(fmt::format("run.record: task.name = {} has no tokens to record; use language",
                                c.task.name));
  }
  if (commits_of(experiment, arm) == Commits::kSteps) {
    throw UserError(
        "run.record: steps of data parallelism that an island has missed cannot be repeated from a "
        "record; use run.strategy = diloco, or data_parallel.missing = wait where all islands "
        "stay");
  }
  const auto& network = experiment.fabric.description;
  const bool begins_later =
      std::any_of(network.islands.begin(), network.islands.end(),
                  [](const IslandSpec& island) { return island.start > Nanos{0}; }) ||
      std::any_of(network.events.begin(), network.events.end(), [](const NetworkEvent& event) {
        return event.kind == NetworkEventKind::kIslandKill ||
               event.kind == NetworkEventKind::kIslandJoin;
      });
  if (begins_later) {
    throw UserError(
        "run.record: steps of islands that are killed, join or come later cannot be repeated from "
        "a record; take island_kill and island_join out of network.events and `start` out of "
        "network.islands (an island may fall silent, pause or leave)");
  }
  if (arm.strategy == "local" && arm.islands > 1) {
    throw UserError(fmt::format(
        "run.record: run.strategy = local has no shared parameters with {} islands; use "
        "run.islands = 1 or another strategy",
        arm.islands));
  }
}

RunRecord::RunRecord(const std::string& folder, const Experiment& experiment, const ArmOptions& arm,
                     const Checkpoint* start)
    : tasks_(experiment.tasks),
      batch_size_(static_cast<std::size_t>(experiment.config.data.sequences *
                                           experiment.config.model.context)),
      step_batches_(experiment.config.inner.accumulate),
      layout_(experiment.tasks.layout()),
      recorder_(folder, manifest_of(experiment, arm), layout_),
      trails_(static_cast<std::size_t>(arm.islands)) {
  std::vector<float> initial;
  if (start == nullptr) {
    const auto task = tasks_.make();
    task->initialize();
    initial.assign(task->parameters().begin(), task->parameters().end());
  } else {
    initial = start->parameters;
    std::vector<std::vector<float>> values = start->inner_state;
    std::vector<InnerOptimizer::State> states;
    for (std::size_t s = 0; s < values.size(); ++s) {
      states.push_back({start->inner_names[s], values[s]});
    }
    if (!states.empty()) recorder_.inner_state(states, start->steps);
  }
  recorder_.initial(initial);
  for (Trail& trail : trails_) trail.parameters = initial;
}

void RunRecord::at_boundary(IslandId island, std::uint32_t round, std::span<const float> own) {
  trails_[static_cast<std::size_t>(island)].stops.push_back(
      {.round = round, .parameters = {own.begin(), own.end()}, .steps = {}});
}

void RunRecord::round_done(const IslandRound& round, std::span<const float> shared) {
  Trail& trail = trails_[static_cast<std::size_t>(round.island)];
  trail.stops.back().steps = round.steps;
  const Boundary& boundary = round.boundary;
  if (boundary.round == 0 && !boundary.restarts) return;  // it goes on from its own parameters
  file_up_to(round.island, boundary.state);
  trail.parameters.assign(shared.begin(), shared.end());
  if (boundary.round > 0) note_members(boundary, shared);
  note_received(round.island, boundary.state);
}

void RunRecord::finish() {
  for (IslandId island = 0; island < std::ssize(trails_); ++island) {
    Trail& trail = trails_[static_cast<std::size_t>(island)];
    // A boundary that is not over when the run ends has no losses.
    if (!trail.stops.empty() && trail.stops.back().steps.empty()) trail.stops.pop_back();
    file_up_to(island, committed_);
  }
  for (const auto& [round, members] : members_) {
    if (round <= committed_) recorder_.members(round, members);
  }
  recorder_.finish();
}

void RunRecord::file_up_to(IslandId island, std::uint32_t last) {
  Trail& trail = trails_[static_cast<std::size_t>(island)];
  auto stop = trail.stops.begin();
  while (trail.filed < last) {
    const std::uint32_t round = ++trail.filed;
    for (; stop != trail.stops.end() && std::min(stop->round, last) <= round; ++stop) {
      record_steps(island, round, stop->steps);
      trail.parameters = std::move(stop->parameters);
    }
    recorder_.boundary(round, island, trail.parameters);
  }
  trail.stops.erase(trail.stops.begin(), stop);
}

void RunRecord::record_steps(IslandId island, std::uint32_t round,
                             const std::vector<StepRecord>& steps) {
  Trail& trail = trails_[static_cast<std::size_t>(island)];
  const auto all = batch_size_ * static_cast<std::size_t>(step_batches_);
  std::vector<std::int64_t> inputs(all), targets(all);
  for (const StepRecord& step : steps) {
    for (std::int64_t b = 0; b < step_batches_; ++b) {
      const std::size_t at = static_cast<std::size_t>(b) * batch_size_;
      tasks_.batch({island, step.step * step_batches_ + b},
                   std::span(inputs).subspan(at, batch_size_),
                   std::span(targets).subspan(at, batch_size_));
    }
    recorder_.batch(island, inputs, targets);
    recorder_.step(island, {.step = trail.steps++,
                            .round = round,
                            .lr = step.lr,
                            .loss = step.loss,
                            .grad_norm = step.gradient_norm});
  }
}

void RunRecord::note_received(IslandId island, std::uint32_t round) {
  const std::lock_guard lock(mutex_);
  members_of(round)[static_cast<std::size_t>(island)].received = true;
}

/// The first member that says so: shared parameters and weights are the same on all.
void RunRecord::note_members(const Boundary& boundary, std::span<const float> shared) {
  const std::lock_guard lock(mutex_);
  if (boundary.round <= committed_) return;
  committed_ = boundary.round;
  recorder_.shared(boundary.round, shared);
  for (MemberRow& member : members_of(boundary.round)) {
    member.weight = boundary.roster.weight_of(member.island);
    member.contributed = member.weight > 0;
  }
}

std::vector<MemberRow>& RunRecord::members_of(std::uint32_t round) {
  auto& members = members_[round];
  for (IslandId i = std::ssize(members); i < std::ssize(trails_); ++i) {
    members.push_back({.island = i});
  }
  return members;
}

}  // namespace strait
