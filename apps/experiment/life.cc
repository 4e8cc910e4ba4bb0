#include "apps/experiment/life.h"

#include <algorithm>

#include "apps/experiment/checkpoints.h"
#include "apps/experiment/churn.h"
#include "core/base/check.h"
#include "core/train/flat_math.h"
#include "core/train/packed.h"

namespace strait {

namespace {

void restore(const Checkpoint& from, Task& task, InnerOptimizer& optimizer) {
  STRAIT_CHECK(from.parameters.size() == task.parameters().size(),
               "a checkpoint of {} parameters for a model of {}", from.parameters.size(),
               task.parameters().size());
  std::copy(from.parameters.begin(), from.parameters.end(), task.parameters().begin());
  const auto state = optimizer.state();
  for (std::size_t s = 0; s < state.size(); ++s) {
    std::copy(from.inner_state[s].begin(), from.inner_state[s].end(), state[s].values.begin());
  }
  optimizer.set_steps_taken(from.steps);
}

Checkpoint save(Task& task, InnerOptimizer& optimizer) {
  Checkpoint to;
  to.parameters.assign(task.parameters().begin(), task.parameters().end());
  for (const auto& state : optimizer.state()) {
    to.inner_names.push_back(state.name);
    to.inner_state.emplace_back(state.values.begin(), state.values.end());
  }
  to.steps = optimizer.steps_taken();
  return to;
}

/// Island 0's part of pretraining: its model, the batches of all islands.
void pretrain_island_0(const Experiment& x, World::Ports& ports, Task& task,
                       InnerOptimizer& optimizer, PretrainPart& result,
                       const std::function<void(std::int64_t)>& progress) {
  const RunConfig& c = x.config;
  const Schedule schedule = schedule_of(c, c.pretrain.lr);
  const ComputeModel compute = compute_model(x);
  const auto scale = static_cast<float>(1.0 / c.run.islands);
  for (std::int64_t step = 0; step < c.pretrain.steps; ++step) {
    Nanos cost{0};
    for (IslandId i = 0; i < c.run.islands; ++i) cost += compute.step_cost(i, step);
    ports.clock.compute(cost, [&] {
      task.clear_gradients();
      for (IslandId i = 0; i < c.run.islands; ++i) {
        accumulate_step(task, {i, step}, c.inner.accumulate, scale);
      }
      optimizer.step(task.parameters(), task.gradients(), schedule.rate(step));
    });
    if (progress) progress(step + 1);
  }
  const auto losses = task.take_losses();
  const auto last = static_cast<std::size_t>(c.run.islands * c.inner.accumulate);
  for (std::size_t i = losses.size() - last; i < losses.size(); ++i) {
    result.loss += losses[i] / static_cast<double>(last);
  }
  result.compute_time = ports.clock.now();
}

void check_handed_out(const Outcome<Done>& outcome) {
  if (!outcome.ok()) throw RunFailed("the hand-out after pretraining: " + outcome.failure().what);
}

}  // namespace

void live(const Experiment& x, const ArmOptions& options, const TrainPlan& plan,
          const Checkpoint* start, IslandId island, World::Ports& ports, LifeObserver& observer,
          ArmCheckpoints* checkpoints) {
  auto task = x.tasks.make();
  auto optimizer = x.tasks.make_optimizer(inner_options(x.config), task->layout());
  task->initialize();
  if (start != nullptr) restore(*start, *task, *optimizer);
  const auto keeper =
      checkpoints != nullptr ? checkpoints->begin(island, task, optimizer) : nullptr;
  const bool alone = options.islands == 1;
  Island trainee({island, ports.clock, *task, *optimizer, observer}, compute_model(x),
                 schedule_of(x.config, options.peak_lr));
  const auto strategy = make_strategy(options.strategy,
                                      {.collective = alone ? nullptr : &ports.collective,
                                       .rounds = alone ? nullptr : ports.rounds,
                                       .starters = starters(x.fabric, options.islands),
                                       .joins = ports.joins,
                                       .leaving = &ports.leaving,
                                       .policy = {.missed = missed_rounds(x.config.rounds.missed),
                                                  .weights = weights(x.config.rounds.weights)},
                                       .keeper = keeper.get()},
                                      outer_options(x.config));
  trainee.train(*strategy, plan);
  observer.ended(island, strategy->waiting_tokens());
  observer.left(island, strategy->boundary().state, strategy->shared(trainee));
}

PretrainPart pretrain_part(const Experiment& x, IslandId island, World::Ports& ports,
                           const std::function<void(std::int64_t)>& progress) {
  PretrainPart result;
  const auto task = x.tasks.make();
  const auto optimizer = x.tasks.make_optimizer(inner_options(x.config), task->layout());
  std::vector<Packed> packed{Packed(task->layout(), task->parameters())};
  for (const auto& state : optimizer->state()) packed.emplace_back(task->layout(), state.values);
  std::vector<std::span<float>> buffers;
  for (Packed& p : packed) buffers.push_back(p.values());
  if (island == 0) {
    task->initialize();
    pretrain_island_0(x, ports, *task, *optimizer, result, progress);
    std::vector<PeerId> others;
    for (IslandId i = 1; i < x.config.run.islands; ++i) others.push_back(peer_of(i));
    for (Packed& p : packed) p.gather();
    auto given = ports.handout.give({buffers.begin(), buffers.end()}, others);
    check_handed_out(given.wait());
  } else {
    auto taken = ports.handout.take(peer_of(0), buffers);
    check_handed_out(taken.wait());
    for (Packed& p : packed) p.scatter();
  }
  result.checkpoint = save(*task, *optimizer);
  result.checkpoint.steps = x.config.pretrain.steps;
  result.hash = hash_floats(task->parameters());
  return result;
}

}  // namespace strait
