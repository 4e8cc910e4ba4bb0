#include "apps/experiment/record_run.h"

#include <fmt/format.h>

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
          .missed_round_policy = c.rounds.missed};
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
      islands_(arm.islands),
      first_step_(train_plan(experiment, arm, start).first_step),
      layout_(experiment.tasks.layout()),
      recorder_(folder, manifest_of(experiment, arm), layout_) {
  if (start == nullptr) {
    const auto task = tasks_.make();
    task->initialize();
    recorder_.initial(task->parameters());
    return;
  }
  recorder_.initial(start->parameters);
  std::vector<std::vector<float>> values = start->inner_state;
  std::vector<InnerOptimizer::State> states;
  for (std::size_t s = 0; s < values.size(); ++s) {
    states.push_back({start->inner_names[s], values[s]});
  }
  if (!states.empty()) recorder_.inner_state(states, start->steps);
}

void RunRecord::at_boundary(IslandId island, std::uint32_t round, std::span<const float> own) {
  recorder_.boundary(round, island, own);
}

void RunRecord::round_done(const IslandRound& round, std::span<const float> shared) {
  record_steps(round);
  const std::uint32_t committed = round.boundary.round;
  if (committed == 0) return;
  const std::lock_guard lock(mutex_);
  auto& members = members_[committed];
  if (members.empty()) {
    recorder_.shared(committed, shared);  // the same on all members
    for (IslandId i = 0; i < islands_; ++i) {
      const double weight = round.boundary.roster.weight_of(i);
      members.push_back({.island = i, .contributed = weight > 0, .weight = weight});
    }
  }
  members[static_cast<std::size_t>(round.island)].received = true;
}

void RunRecord::finish() {
  for (const auto& [round, members] : members_) recorder_.members(round, members);
  recorder_.finish();
}

void RunRecord::record_steps(const IslandRound& round) {
  std::vector<std::int64_t> inputs(batch_size_), targets(batch_size_);
  for (const StepRecord& step : round.steps) {
    tasks_.batch({round.island, step.step}, inputs, targets);
    recorder_.batch(round.island, inputs, targets);
    recorder_.step(round.island, {.step = step.step - first_step_,
                                  .round = round.round,
                                  .lr = step.lr,
                                  .loss = step.loss,
                                  .grad_norm = step.gradient_norm});
  }
}

}  // namespace strait
