#include "apps/experiment/arm.h"

#include <cmath>
#include <sstream>

#include "core/base/check.h"
#include "core/train/flat_math.h"
#include "core/train/packed.h"

namespace strait {

namespace {

std::vector<HelloSetting> settings_of(const Experiment& x) {
  const HelloSettings hello = hello_settings(x.config);
  std::vector<HelloSetting> settings;
  for (const auto& group : {hello.model, hello.strategy, hello.codec, hello.data}) {
    std::istringstream lines(group);
    for (std::string line; std::getline(lines, line);) {
      const auto equals = line.find('=');
      settings.push_back({line.substr(0, equals), line.substr(equals + 1)});
    }
  }
  // data.text is only a path.
  settings.push_back({"data.hash", x.tasks.data_hash()});
  return settings;
}

WorldOptions world_options(const Experiment& x, int islands, bool rounds) {
  const RunConfig& c = x.config;
  FabricOptions fabric = x.fabric;
  fabric.islands = islands;
  return {.islands = islands,
          .network = c.network.kind,
          .fabric = std::move(fabric),
          .collective = {.algorithm = c.collective.algorithm,
                         .codec = c.collective.codec,
                         .result_codec = c.collective.result,
                         .piece_bytes = c.collective.piece,
                         .memory_rate = c.compute.memory_rate},
          .eager_limit = c.collective.eager_limit,
          .connections = c.collective.connections,
          .run_id = settings_hash(c),
          .settings = settings_of(x),
          .parallel = c.run.parallel,
          .rounds = rounds};
}

ComputeModel compute_model(const RunConfig& config) {
  return {.step = config.compute.step,
          .jitter_ppm = static_cast<std::int64_t>(std::llround(config.compute.jitter * 1e6)),
          .seed = config.run.seed,
          .memory_rate = config.compute.memory_rate};
}

Costs costs_of(const World& world, double wall_s) {
  Costs costs{.time = world.now(),
              .wall_s = wall_s,
              .loop_cpu_s = world.loop_cpu_seconds(),
              .links = world.link_table(),
              .trace_hash = world.trace().hash(),
              .trace_records = world.trace().records()};
  for (std::size_t cause = 0; cause < kCauses; ++cause) {
    costs.bytes[cause] = world.ledger().total(static_cast<Cause>(cause));
  }
  return costs;
}

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

/// Forwards to the board and, if there is one, the record.
class Observers final : public IslandObserver {
 public:
  Observers(IslandObserver& board, IslandObserver* record) : board_(board), record_(record) {}

  void at_boundary(IslandId island, std::uint32_t round, std::span<const float> own) override {
    if (record_ != nullptr) record_->at_boundary(island, round, own);
  }
  void round_done(const IslandRound& round, std::span<const float> shared) override {
    if (record_ != nullptr) record_->round_done(round, shared);
    board_.round_done(round, shared);
  }
  void evaluated(IslandId island, std::uint32_t round, Nanos now,
                 const std::vector<Metric>& metrics) override {
    board_.evaluated(island, round, now, metrics);
  }

 private:
  IslandObserver& board_;
  IslandObserver* record_;
};

/// Island 0's part of pretraining: its model, the batches of all islands.
void pretrain_island_0(const Experiment& x, World::Ports& ports, Task& task,
                       InnerOptimizer& optimizer, Pretraining& result,
                       const std::function<void(std::int64_t)>& progress) {
  const RunConfig& c = x.config;
  const Schedule schedule = schedule_of(c, c.pretrain.lr);
  const ComputeModel compute = compute_model(c);
  const auto scale = static_cast<float>(1.0 / c.run.islands);
  for (std::int64_t step = 0; step < c.pretrain.steps; ++step) {
    Nanos cost{0};
    for (IslandId i = 0; i < c.run.islands; ++i) cost += compute.step_cost(i, step);
    ports.clock.compute(cost, [&] {
      task.clear_gradients();
      for (IslandId i = 0; i < c.run.islands; ++i) task.accumulate_gradient({i, step}, scale);
      optimizer.step(task.parameters(), task.gradients(), schedule.rate(step));
    });
    if (progress) progress(step + 1);
  }
  const auto losses = task.take_losses();
  const auto last = static_cast<std::size_t>(c.run.islands);
  for (std::size_t i = losses.size() - last; i < losses.size(); ++i) {
    result.loss += losses[i] / static_cast<double>(last);
  }
  result.compute_time = ports.clock.now();
}

void check_handed_out(const Outcome<Done>& outcome) {
  if (!outcome.ok()) throw RunFailed("the hand-out after pretraining: " + outcome.failure().what);
}

}  // namespace

Schedule schedule_of(const RunConfig& config, double peak) {
  return {.peak = peak,
          .steps = total_inner_steps(config),
          .warmup_steps = warmup_steps(config),
          .final_fraction = config.inner.final_lr};
}

InnerOptions inner_options(const RunConfig& config) {
  const InnerSettings& s = config.inner;
  return {.name = s.optimizer,
          .beta1 = s.beta1,
          .beta2 = s.beta2,
          .epsilon = s.epsilon,
          .weight_decay = s.weight_decay,
          .clip_norm = s.clip_norm};
}

OuterOptions outer_options(const RunConfig& config) {
  return {.name = config.outer.optimizer, .lr = config.outer.lr, .momentum = config.outer.momentum};
}

TrainPlan train_plan(const RunConfig& config, int islands, const Checkpoint* start) {
  return {.first_step = start != nullptr ? config.pretrain.steps : 0,
          .rounds = static_cast<std::uint32_t>(config.run.rounds),
          .steps_per_round = config.run.inner_steps,
          .evaluate_every = static_cast<std::uint32_t>(config.eval.every),
          .evaluation_shares = islands};
}

Pretraining pretrain(const Experiment& x, const std::function<void(std::int64_t)>& progress) {
  SimulatedStorage no_journal;
  const WallTimer timer;
  World world(world_options(x, x.config.run.islands, /*rounds=*/false), no_journal);
  Pretraining result;
  std::vector<std::uint64_t> hashes(static_cast<std::size_t>(x.config.run.islands));
  world.run([&](IslandId island, World::Ports& ports) {
    const auto task = x.tasks.make();
    const auto optimizer = make_inner_optimizer(inner_options(x.config), task->layout());
    std::vector<Packed> packed{Packed(task->layout(), task->parameters())};
    for (const auto& state : optimizer->state()) packed.emplace_back(task->layout(), state.values);
    std::vector<std::span<float>> buffers;
    for (Packed& p : packed) buffers.push_back(p.values());
    if (island == 0) {
      task->initialize();
      pretrain_island_0(x, ports, *task, *optimizer, result, progress);
      std::vector<PeerId> others;
      for (IslandId i = 1; i < world.islands(); ++i) others.push_back(peer_of(i));
      for (Packed& p : packed) p.gather();
      auto given = ports.handout.give({buffers.begin(), buffers.end()}, others);
      check_handed_out(given.wait());
      result.checkpoint = save(*task, *optimizer);
    } else {
      auto taken = ports.handout.take(peer_of(0), buffers);
      check_handed_out(taken.wait());
      for (Packed& p : packed) p.scatter();
    }
    hashes[static_cast<std::size_t>(island)] = hash_floats(task->parameters());
  });
  for (const auto hash : hashes) {
    STRAIT_CHECK(hash == hashes[0], "the hand-out gave {:016x} instead of {:016x}", hash,
                 hashes[0]);
  }
  result.checkpoint.steps = x.config.pretrain.steps;
  result.costs = costs_of(world, timer.seconds());
  return result;
}

ArmResult run_arm(const Experiment& x, const ArmOptions& options, const Checkpoint* start,
                  Storage& journal, const Board::RowDone& row_done, IslandObserver* record) {
  const WallTimer timer;
  ArmResult result{.options = options, .plan = train_plan(x.config, options.islands, start)};
  const bool rounds = uses_rounds(options.strategy) && options.islands > 1;
  World world(world_options(x, options.islands, rounds), journal);
  world.listen([&](const TraceRecord& record_of) {
    if (record_of.kind >= TraceKind::kLinkDown) result.events.push_back(record_of);
  });
  Board board(options.islands, result.plan, world.ledger(), row_done);
  Observers observers(board, record);
  world.run([&](IslandId island, World::Ports& ports) {
    const auto task = x.tasks.make();
    const auto optimizer = make_inner_optimizer(inner_options(x.config), task->layout());
    task->initialize();
    if (start != nullptr) restore(*start, *task, *optimizer);
    const bool alone = options.islands == 1;
    const auto strategy = make_strategy(options.strategy,
                                        {.collective = alone ? nullptr : &ports.collective,
                                         .rounds = alone ? nullptr : ports.rounds,
                                         .islands = options.islands},
                                        outer_options(x.config));
    Island trainee({island, ports.clock, *task, *optimizer, observers}, compute_model(x.config),
                   schedule_of(x.config, options.peak_lr));
    trainee.train(*strategy, result.plan);
    if (island == 0) {
      const auto shared = strategy->shared(trainee);
      result.shared.assign(shared.begin(), shared.end());
    }
  });
  result.rows = board.rows();
  result.ledger = world.ledger().rows();
  result.costs = costs_of(world, timer.seconds());
  result.parameter_hash = hash_floats(result.shared);
  return result;
}

Nanos price_data_parallel(const Experiment& x, std::int64_t first_step, std::int64_t steps,
                          std::int64_t elements) {
  SimulatedStorage no_journal;
  World world(world_options(x, x.config.run.islands, /*rounds=*/false), no_journal);
  const ComputeModel compute = compute_model(x.config);
  const Roster roster = everyone(x.config.run.islands);
  const Bytes touched = Island::update_bytes(x.tasks.layout().size());
  world.run([&](IslandId island, World::Ports& ports) {
    const std::vector<float> in(static_cast<std::size_t>(elements));
    std::vector<float> out(in.size());
    for (std::int64_t step = first_step; step < first_step + steps; ++step) {
      const Nanos cost = compute.step_cost(island, step);
      const Nanos update = std::min(cost, compute.memory_cost(touched));
      ports.clock.compute(cost - update, [] {});
      auto ticket =
          ports.collective.start({.number = static_cast<std::uint32_t>(step)}, in, out, roster);
      const Outcome<Done> done = ticket.wait();
      if (!done.ok()) throw RunFailed(done.failure().what);
      ports.clock.compute(update, [] {});
    }
  });
  return world.now();
}

}  // namespace strait
