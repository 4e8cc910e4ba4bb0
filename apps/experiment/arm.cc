#include "apps/experiment/arm.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <utility>

#include "apps/experiment/checkpoints.h"
#include "apps/experiment/churn.h"
#include "apps/experiment/life.h"
#include "core/base/check.h"
#include "core/base/errors.h"
#include "core/base/quantities.h"
#include "core/train/flat_math.h"
#include "core/train/packed.h"

namespace strait {

namespace {

constexpr std::int64_t kMostSteps = (1 << 24) - 1;  // that tags can number (core/comm/tags.h)

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

std::optional<PaceLimits> pace_limits(const RunConfig& c) {
  if (c.run.time != "real") return std::nullopt;
  if (c.network.kind == "tcp") {
    return PaceLimits{.max_lateness = kNever, .as_it_comes = c.compute.pace == "free"};
  }
  return PaceLimits{.max_lateness = c.run.max_lateness, .strict = c.run.strict};
}

WorldOptions world_options(const Experiment& x, const FabricOptions& fabric, int islands,
                           bool rounds) {
  const RunConfig& c = x.config;
  return {
      .islands = islands,
      .network = c.network.kind,
      .fabric = shrunk(fabric, islands),
      .collective = {.algorithm = c.collective.algorithm,
                     .codec = c.collective.codec,
                     .result_codec = c.collective.result,
                     .piece_bytes = c.collective.piece,
                     // Over real sockets it costs what it costs.
                     .memory_rate = c.network.kind == "tcp" ? kUnlimited : c.compute.memory_rate,
                     .idle = x.idle},
      .eager_limit = c.collective.eager_limit,
      .connections = c.collective.connections,
      .run_id = settings_hash(c),
      .settings = settings_of(x),
      .parallel = c.run.parallel,
      .real_time = pace_limits(c),
      .rounds = rounds,
      .member = {.keep = c.rounds.keep,
                 .miss_after = c.rounds.miss_after,
                 .peer_timeout = c.rounds.peer_timeout},
      .coordinator = {.quorum = c.rounds.quorum,
                      .grace = c.rounds.grace,
                      .suspect_after = c.rounds.suspect_after,
                      .peer_timeout = c.rounds.peer_timeout}};
}

std::int64_t parts_per_million(double fraction) { return std::llround(fraction * 1e6); }

/// A step of data parallelism as a round. Nothing is replayed: who is behind takes a copy.
void commit_steps(WorldOptions& options, const RunConfig& c) {
  options.member.keep = 0;
  options.coordinator.lockstep = true;
  options.coordinator.quorum = c.data_parallel.missing == "wait" ? options.islands : 0;
  options.coordinator.journal = "journal_of_steps.txt";  // the run's folder may have DiLoCo's, too
}

/// Of one island: forwards to the record, if there is one, and posts to the board, so that it hears
/// of everything in the order of virtual time.
class BoardObserver final : public LifeObserver {
 public:
  /// Board, timeline and result outlive the run. The observers may be null.
  BoardObserver(Clock& clock, Board& board, Timeline& timeline, ArmResult& result,
                IslandObserver* record, OuterGradients* outer_gradients,
                ArmCheckpoints* checkpoints, std::function<void()> run_is_over)
      : clock_(clock),
        board_(board),
        timeline_(timeline),
        result_(result),
        record_(record),
        outer_gradients_(outer_gradients),
        checkpoints_(checkpoints),
        run_is_over_(std::move(run_is_over)) {}

  void at_boundary(IslandId island, std::uint32_t round, std::span<const float> own) override {
    if (record_ != nullptr) record_->at_boundary(island, round, own);
  }
  void contributed(const IslandRound& round, std::span<const float> outer_gradient) override {
    if (outer_gradients_ != nullptr) outer_gradients_->contributed(round, outer_gradient);
  }
  void round_done(const IslandRound& round, std::span<const float> shared) override {
    if (record_ != nullptr) record_->round_done(round, shared);
    if (checkpoints_ != nullptr) checkpoints_->reported(round);
    clock_.post([&board = board_, &timeline = timeline_, &result = result_,
                 checkpoints = checkpoints_, report = report_of(round)] {
      const Boundary& b = report.boundary;
      if (b.caught_up_to > b.caught_up_from) {
        result.events.push_back(
            {report.now, TraceKind::kCaughtUp, report.island, b.caught_up_from, b.caught_up_to});
      }
      timeline.round_done(report);
      board.round_done(report);
      if (checkpoints != nullptr) checkpoints->write_complete();
    });
  }
  void evaluated(IslandId island, std::uint32_t round, EvaluationShare share,
                 const std::vector<Metric>& metrics) override {
    if (checkpoints_ != nullptr) checkpoints_->evaluated(island, metrics);
    clock_.post([&board = board_, island, round, share, metrics] {
      board.evaluated(island, round, share, metrics);
    });
  }
  /// What a killed island posts is dropped, but the loop stands still meanwhile.
  void died(IslandId island, std::int64_t lost_tokens) override {
    board_.gone(island, lost_tokens);
  }
  void ended(IslandId island, std::int64_t lost_tokens) override {
    clock_.post([&board = board_, &timeline = timeline_, island, lost_tokens, now = clock_.now()] {
      timeline.ended(island, now);
      board.gone(island, lost_tokens);
    });
  }
  void left(IslandId island, std::uint32_t round, std::span<const float> shared) override {
    clock_.post([&result = result_, run_is_over = run_is_over_, island, round,
                 last = std::vector<float>(shared.begin(), shared.end())]() mutable {
      if (round >= result.plan.rounds) run_is_over();
      // Of those who have got as far the lowest one, who is not the first to say so in real time.
      const bool none = result.shared.empty(), further = round > result.shared_round;
      const bool lower = round == result.shared_round && island < result.shared_by;
      if (!none && !further && !lower) return;
      result.shared_round = round;
      result.shared_by = island;
      result.shared = std::move(last);
    });
  }

 private:
  Clock& clock_;
  Board& board_;
  Timeline& timeline_;
  ArmResult& result_;
  IslandObserver* record_;
  OuterGradients* outer_gradients_;
  ArmCheckpoints* checkpoints_;
  const std::function<void()> run_is_over_;
};

}  // namespace

Costs costs_of(const World& world, double wall_s) {
  Costs costs{.time = world.now(),
              .wall_s = wall_s,
              .loop_cpu_s = world.loop_cpu_seconds(),
              .links = world.link_table(),
              .trace_hash = world.trace().hash(),
              .trace_records = world.trace().records(),
              .pace = world.pace()};
  for (std::size_t cause = 0; cause < kCauses; ++cause) {
    costs.bytes[cause] = world.ledger().total(static_cast<Cause>(cause));
  }
  return costs;
}

WorldOptions arm_world(const Experiment& x, const ArmOptions& options) {
  const Commits commits = commits_of(x, options);
  WorldOptions world =
      world_options(x, x.fabric, options.islands, /*rounds=*/commits != Commits::kNothing);
  if (commits == Commits::kSteps) commit_steps(world, x.config);
  return world;
}

ComputeModel compute_model(const Experiment& x) {
  ComputeModel model{.step = x.config.compute.step,
                     .jitter_ppm = parts_per_million(x.config.compute.jitter),
                     .seed = x.config.run.seed,
                     .memory_rate = x.config.compute.memory_rate};
  for (const IslandSpec& island : x.fabric.description.islands) {
    auto& own = model.islands.emplace_back();
    own.step = island.step;
    own.speed_ppm = island.speed_ppm;
    if (island.jitter) own.jitter_ppm = parts_per_million(*island.jitter);
  }
  return model;
}

Schedule schedule_of(const RunConfig& config, double peak) {
  const std::int64_t steps = total_inner_steps(config), warmup = warmup_steps(config);
  const auto decay = std::llround(config.inner.decay * static_cast<double>(steps));
  return {.name = config.inner.schedule,
          .peak = peak,
          .steps = steps,
          .warmup_steps = warmup,
          .final_fraction = config.inner.final_lr,
          .decay_steps = std::min<std::int64_t>(decay, steps - warmup)};  // both are rounded
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
  const OuterSettings& s = config.outer;
  return {.name = s.optimizer,
          .lr = s.lr,
          .momentum = s.momentum,
          .beta1 = s.beta1,
          .beta2 = s.beta2,
          .epsilon = s.epsilon,
          .schedule = s.schedule,
          .rounds = config.run.rounds};
}

Commits commits_of(const Experiment& x, const ArmOptions& options) {
  const Commits commits = options.islands == 1 ? Commits::kNothing : commits_of(options.strategy);
  const bool all_stay =
      !x.real && x.config.data_parallel.missing == "wait" && !come_and_go(x.fabric);
  return commits == Commits::kSteps && all_stay ? Commits::kNothing : commits;
}

TrainPlan train_plan(const Experiment& x, const ArmOptions& options, const Checkpoint* start) {
  const RunConfig& c = x.config;
  std::int64_t rounds = c.run.rounds, steps = c.run.inner_steps, evaluate_every = c.eval.every;
  if (commits_of(x, options) == Commits::kSteps) {
    evaluate_every = std::min(evaluate_every, rounds) * steps;
    rounds *= std::exchange(steps, 1);
  }
  return {.first_step = start != nullptr ? c.pretrain.steps : 0,
          .rounds = static_cast<std::uint32_t>(rounds),
          .steps_per_round = steps,
          .batches_per_step = c.inner.accumulate,
          .reset_inner = c.inner.at_outer_step == "reset",
          .evaluate_every = static_cast<std::uint32_t>(evaluate_every)};
}

Pretraining pretrain(const Experiment& x, const std::function<void(std::int64_t)>& progress) {
  SimulatedStorage no_journal;
  const WallTimer timer;
  World world(world_options(x, quiet_islands(x.fabric), x.config.run.islands, /*rounds=*/false),
              no_journal);
  Pretraining result;
  std::vector<std::uint64_t> hashes(static_cast<std::size_t>(x.config.run.islands));
  world.run([&](IslandId island, World::Ports& ports) {
    PretrainPart part = pretrain_part(x, island, ports, progress);
    hashes[static_cast<std::size_t>(island)] = part.hash;
    if (island != 0) return;
    result.checkpoint = std::move(part.checkpoint);
    result.compute_time = part.compute_time;
    result.loss = part.loss;
  });
  for (const auto hash : hashes) {
    STRAIT_CHECK(hash == hashes[0], "the hand-out gave {:016x} instead of {:016x}", hash,
                 hashes[0]);
  }
  result.costs = costs_of(world, timer.seconds());
  return result;
}

void check_islands(const Experiment& x, const ArmOptions& options) {
  if (commits_of(options.strategy) != Commits::kSteps || options.islands == 1) return;
  const RunConfig& c = x.config;
  if (commits_of(x, options) == Commits::kSteps && c.run.rounds > kMostSteps / c.run.inner_steps) {
    throw UserError(
        fmt::format("run.rounds = {}: with run.inner_steps = {} these are more than {} steps, each "
                    "of which would be committed; write fewer",
                    c.run.rounds, c.run.inner_steps, kMostSteps));
  }
  if (c.data_parallel.missing != "wait") return;
  const auto event = gone_for_good(x.fabric);
  if (!event) return;
  throw UserError(
      fmt::format("data_parallel.missing = wait: island {} goes at {} and never comes back, so the "
                  "others would wait for ever; write shrink, or let it join again in "
                  "network.events",
                  event->island, format_duration(event->time)));
}

ArmResult run_arm(const Experiment& x, const ArmOptions& options, const Checkpoint* start,
                  Storage& journal, const Board::RowDone& row_done, IslandObserver* record,
                  ArmCheckpoints* checkpoints) {
  const WallTimer timer;
  ArmResult result{.options = options, .plan = train_plan(x, options, start)};
  const bool rounds = commits_of(x, options) != Commits::kNothing;
  World world(arm_world(x, options), journal);
  std::vector<Nanos> lateness;  // by row
  Board board(options.islands, starters(x.fabric, options.islands), result.plan, world.ledger(),
              [&](const RoundRow& row) {
                lateness.push_back(world.take_worst_lateness());
                if (row_done) row_done(row);
                if (checkpoints != nullptr) checkpoints->row_done(row);
              });
  Timeline timeline(options.islands, starters(x.fabric, options.islands));
  world.listen([&](const TraceRecord& event) {
    if (event.kind >= TraceKind::kLinkDown) result.events.push_back(event);
    timeline.record(event);
    board.record(event);
  });
  // Who would still join has nothing left to do; where nothing is shared, everybody has.
  const auto run_is_over = [&] {
    if (rounds) world.wait_for_nobody();
  };
  std::optional<OuterGradients> outer_gradients;
  if (x.config.eval.outer_gradients) outer_gradients.emplace();
  try {
    world.run([&](IslandId island, World::Ports& ports) {
      BoardObserver observer(ports.clock, board, timeline, result, record,
                             outer_gradients ? &*outer_gradients : nullptr, checkpoints,
                             run_is_over);
      live(x, options, result.plan, start, island, ports, observer, checkpoints);
    });
  } catch (...) {
    result.failure = std::current_exception();
  }
  board.finish();
  if (checkpoints != nullptr) checkpoints->write_complete();
  result.tokens = board.tokens();
  result.discarded_tokens = board.discarded_tokens();
  result.rows = board.rows();
  for (std::size_t i = 0; i < result.rows.size(); ++i) result.rows[i].late = lateness[i];
  if (outer_gradients) result.outer_gradients = outer_gradients->take_rows();
  result.ledger = world.ledger().rows();
  result.costs = costs_of(world, timer.seconds());
  result.timeline = timeline.intervals(result.costs.time);
  result.parameter_hash = hash_floats(result.shared);
  return result;
}

Nanos price_data_parallel(const Experiment& x, std::int64_t first_step, std::int64_t steps,
                          std::int64_t elements) {
  SimulatedStorage no_journal;
  WorldOptions options =
      world_options(x, quiet_islands(x.fabric), x.config.run.islands, /*rounds=*/false);
  options.real_time.reset();  // a price is modelled, and nobody has to wait for it
  World world(options, no_journal);
  const ComputeModel compute = compute_model(x);
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
