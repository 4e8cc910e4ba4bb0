#include "apps/experiment/rehearsal.h"

#include <algorithm>
#include <cmath>

#include "apps/experiment/churn.h"
#include "apps/experiment/idle_tasks.h"
#include "core/base/check.h"
#include "core/base/errors.h"
#include "core/base/storage.h"
#include "core/comm/codec.h"
#include "core/train/strategy.h"
#include "netsim/virtual_loop.h"

namespace strait {

namespace {

/// A straight line through (x0, a) and (x1, b), at x.
struct Line {
  std::int64_t x0, x1, x;

  std::int64_t at(std::int64_t a, std::int64_t b) const {
    const double slope = static_cast<double>(b - a) / static_cast<double>(x1 - x0);
    return b + std::llround(slope * static_cast<double>(x - x1));
  }
  Nanos at(Nanos a, Nanos b) const { return Nanos{at(a.count(), b.count())}; }
  std::array<Bytes, kCauses> at(const std::array<Bytes, kCauses>& a,
                                const std::array<Bytes, kCauses>& b) const {
    std::array<Bytes, kCauses> result;
    for (std::size_t c = 0; c < kCauses; ++c) result[c] = at(a[c], b[c]);
    return result;
  }
  RunCosts at(const RunCosts& a, const RunCosts& b) const {
    return {.bytes = at(a.bytes, b.bytes),
            .first_bytes = at(a.first_bytes, b.first_bytes),
            .later_bytes = at(a.later_bytes, b.later_bytes),
            .time = at(a.time, b.time),
            .first_time = at(a.first_time, b.first_time),
            .later_time = at(a.later_time, b.later_time),
            .waited = at(a.waited, b.waited)};
  }
};

/// About what a round sends: enough to decide how many are rehearsed.
double payload_of_round(const RunConfig& c, const ArmOptions& options, std::int64_t values) {
  if (options.islands == 1 || commits_of(options.strategy) == Commits::kNothing) return 0;
  const double exchanges =
      commits_of(options.strategy) == Commits::kSteps ? static_cast<double>(c.run.inner_steps) : 1;
  const double copies = (options.islands - 1) *
                        (c.collective.algorithm == "gather" ? double{1.0 * options.islands} : 2.0);
  return exchanges * copies *
         static_cast<double>(make_codec(c.collective.codec)->encoded_size(values));
}

std::int64_t rounds_to_rehearse(const RunConfig& c, const ArmOptions& options, std::int64_t values,
                                const RehearsalLimits& limits) {
  const double payload = payload_of_round(c, options, values);
  double rounds = static_cast<double>(limits.rounds);
  if (payload > 0) rounds = std::min(rounds, static_cast<double>(limits.payload) / payload);
  const double steps = static_cast<double>(c.run.inner_steps) * options.islands;
  rounds = std::min(rounds, static_cast<double>(limits.steps) / steps);
  const std::int64_t most = std::max(limits.least_rounds, static_cast<std::int64_t>(rounds));
  return std::min(c.run.rounds, most);
}

/// What islands start from: nobody has trained it.
Checkpoint blank_checkpoint(const Experiment& x) {
  Checkpoint start{.steps = x.config.pretrain.steps};
  const ParameterLayout layout = x.tasks.layout();
  const auto optimizer = x.tasks.make_optimizer(inner_options(x.config), layout);
  start.parameters.resize(static_cast<std::size_t>(layout.size()));
  for (const auto& state : optimizer->state()) {
    start.inner_names.push_back(state.name);
    start.inner_state.emplace_back(state.values.size());
  }
  return start;
}

/// Costs of a run of `rounds` rounds, of which the result has had some.
RunCosts costs_of_run(const ArmResult& result, std::int64_t rounds) {
  const auto done = static_cast<std::int64_t>(result.rows.size()) - 1;
  STRAIT_CHECK(done >= 1, "{} rounds have been rehearsed", done);
  const std::int64_t later = done - 1, missing = rounds - done;
  const auto mean = [&](auto sum, auto first) { return later > 0 ? sum / later : first; };
  const RoundRow& first = result.rows[1];
  const RoundRow& last = result.rows.back();
  RunCosts costs{.first_time = first.time, .later_time = mean(last.time - first.time, first.time)};
  costs.time = result.costs.time + missing * costs.later_time;
  costs.waited = last.waited + missing * mean(last.waited - first.waited, first.waited);
  std::array<Bytes, kCauses> between{};
  for (const auto& row : result.ledger) {
    const auto cause = static_cast<std::size_t>(row.cause);
    if (row.round == 1) costs.first_bytes[cause] += row.bytes;
    if (row.round > 1) between[cause] += row.bytes;
    // What belongs to no round is, beside hellos, what islands ping each other in long waits.
    if (row.round == 0 && row.cause == Cause::kFraming && missing > 0) {
      costs.bytes[cause] += row.bytes * missing / done;
    }
  }
  for (std::size_t c = 0; c < kCauses; ++c) {
    costs.later_bytes[c] = mean(between[c], costs.first_bytes[c]);
    costs.bytes[c] += result.costs.bytes[c] + missing * costs.later_bytes[c];
  }
  return costs;
}

/// All rounds of these settings, with buffers of this layout.
ArmResult run_idle(RunConfig config, const FabricOptions& fabric, const ArmOptions& options,
                   const ParameterLayout& layout) {
  config.run.parallel = false;  // there is nothing to compute at the same time
  const IdleTasks tasks(config, layout);
  const Experiment x{config, tasks, fabric, /*real=*/false, /*idle=*/true};
  check_islands(x, options);
  SimulatedStorage no_journal;
  std::optional<Checkpoint> start;
  if (config.pretrain.steps > 0) start = blank_checkpoint(x);
  return run_arm(x, options, start ? &*start : nullptr, no_journal, /*row_done=*/{});
}

/// At a size that can be rehearsed.
RunCosts rehearse_layout(RunConfig config, const FabricOptions& fabric, const ArmOptions& options,
                         const ParameterLayout& layout, std::int64_t rehearsed) {
  const std::int64_t rounds = config.run.rounds;
  const std::int64_t steps_of_round = config.run.inner_steps;
  config.run.rounds = rehearsed;
  const ArmResult result = run_idle(config, fabric, options, layout);
  if (result.failure) std::rethrow_exception(result.failure);
  // A step that is committed is a round of its own.
  const bool steps = result.plan.steps_per_round != steps_of_round;
  return costs_of_run(result, steps ? rounds * steps_of_round : rounds);
}

ParameterLayout layout_of_size(std::int64_t values) {
  ParameterLayout layout;
  layout.add("values", {values}, 0, /*decayed=*/false);
  return layout;
}

/// The largest size within the limit, and one whose half has the same blocks in each shard.
std::int64_t size_to_rehearse(std::int64_t values, int islands, const RehearsalLimits& limits) {
  if (values * islands <= limits.values) return values;
  const std::int64_t unit = 256 * std::int64_t{islands};
  return std::max<std::int64_t>(limits.values / islands / unit, 1) * unit;
}

}  // namespace

Rehearsal rehearse(const RunConfig& config, const FabricOptions& fabric, const ArmOptions& options,
                   const RehearsalLimits& limits) {
  const ParameterLayout layout = layout_of(config);
  const std::int64_t values = layout.count();
  const std::int64_t size = size_to_rehearse(values, options.islands, limits);
  const std::int64_t rounds = rounds_to_rehearse(config, options, size, limits);
  Rehearsal rehearsal{.rounds = config.run.rounds,
                      .rehearsed_rounds = rounds,
                      .values = values,
                      .rehearsed_values = size};
  const auto at = [&](const ParameterLayout& some) {
    return rehearse_layout(config, fabric, options, some, rounds);
  };
  if (size == values) {
    rehearsal.costs = at(layout);
    return rehearsal;
  }
  const RunCosts half = at(layout_of_size(size / 2)), whole = at(layout_of_size(size));
  rehearsal.costs = Line{.x0 = size / 2, .x1 = size, .x = values}.at(half, whole);
  return rehearsal;
}

std::optional<Rehearsal> quick_prediction(const RunConfig& config, const FabricOptions& fabric,
                                          const ArmOptions& options) {
  // Of the demo a tenth of a second.
  constexpr RehearsalLimits kFew{
      .values = 8 << 20, .payload = 50'000'000, .steps = 5'000, .rounds = 4, .least_rounds = 2};
  if (options.islands == 1 || commits_of(options.strategy) == Commits::kNothing) return {};
  try {
    return rehearse(config, calm(fabric), options, kFew);
  } catch (const UserError&) {
  } catch (const Deadlock&) {
  } catch (const RunFailed&) {
  }
  return {};
}

ArmResult replay(const RunConfig& config, const FabricOptions& fabric, const ArmOptions& options) {
  return run_idle(config, fabric, options, layout_of(config));
}

std::optional<RehearsedPretraining> rehearse_pretraining(const RunConfig& config,
                                                         const FabricOptions& fabric,
                                                         const RehearsalLimits& limits) {
  if (config.pretrain.steps == 0) return std::nullopt;
  const auto at = [&](const ParameterLayout& some) {
    const IdleTasks tasks(config, some);
    const Pretraining done = pretrain({config, tasks, fabric}, /*progress=*/{});
    return RehearsedPretraining{
        .compute_time = done.compute_time,
        .handout_time = done.costs.time - done.compute_time,
        .handed_out = done.costs.bytes[static_cast<std::size_t>(Cause::kStart)]};
  };
  const ParameterLayout layout = layout_of(config);
  const std::int64_t values = layout.count();
  const std::int64_t size = size_to_rehearse(values, config.run.islands, limits);
  if (size == values) return at(layout);
  const RehearsedPretraining half = at(layout_of_size(size / 2)), whole = at(layout_of_size(size));
  const Line line{.x0 = size / 2, .x1 = size, .x = values};
  return RehearsedPretraining{.compute_time = whole.compute_time,
                              .handout_time = line.at(half.handout_time, whole.handout_time),
                              .handed_out = line.at(half.handed_out, whole.handed_out)};
}

}  // namespace strait
