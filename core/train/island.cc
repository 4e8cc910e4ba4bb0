#include "core/train/island.h"

#include <algorithm>

#include "core/base/check.h"

namespace strait {

void Island::train(Strategy& strategy, const TrainPlan& plan) {
  try {
    live(strategy, plan);
  } catch (const Killed&) {
    parts_.observer.died(id(), round_.tokens + strategy.waiting_tokens());
    throw;
  }
}

void Island::live(Strategy& strategy, const TrainPlan& plan) {
  strategy.begin(*this, plan.rounds);
  evaluate_later(strategy, plan);
  for (std::uint32_t last = 0;;) {
    const std::uint32_t round = strategy.next_round(last);
    if (round == kNoRound) break;
    STRAIT_CHECK(round > last, "round {} comes after round {}", round, last);
    train_round(strategy, plan, round);
    evaluate_later(strategy, plan);
    last = round;
  }
  strategy.drain(*this);
  if (!evaluation_) return;
  parts_.clock.compute(Nanos{0}, [&] { evaluate(strategy); });
  tell_evaluation();
}

void Island::train_round(Strategy& strategy, const TrainPlan& plan, std::uint32_t round) {
  const std::int64_t first = plan.first_step + (round - 1) * plan.steps_per_round;
  for (std::int64_t h = 0; h < plan.steps_per_round; ++h) {
    const StepPlace place{first + h, round, h + 1 == plan.steps_per_round};
    inner_step(strategy, plan, place);
    if (place.ends_round) parts_.observer.at_boundary(id(), round, parameters());
    strategy.step_done(*this, place);
    if (place.ends_round) close_round(strategy, plan, place);
  }
}

void Island::inner_step(Strategy& strategy, const TrainPlan& plan, const StepPlace& place) {
  const double lr = schedule_.rate(place.step);
  const Nanos cost = compute_.step_cost(id(), place.step);
  StepRecord record{.step = place.step, .lr = lr};
  const auto gradient = [&] {
    evaluate(strategy);
    parts_.task.clear_gradients();
    const StepWork work =
        accumulate_step(parts_.task, {id(), place.step}, plan.batches_per_step, 1.0f);
    round_.examples += work.examples;
    round_.tokens += work.tokens;
  };
  const auto update = [&](std::span<const float> g) {
    record.gradient_norm = parts_.optimizer.step(parameters(), g, lr);
  };
  if (!strategy.joins_gradients()) {
    parts_.clock.compute(cost, [&] {
      gradient();
      update(gradients());
    });
  } else {
    // The same cost as above, but the update comes after the exchange.
    const Nanos update_cost =
        std::min(cost, compute_.memory_cost(update_bytes(parts_.task.layout().size())));
    parts_.clock.compute(cost - update_cost, gradient);
    const std::span<const float> joined = strategy.gradient_ready(*this, place);
    if (!joined.empty()) parts_.clock.compute(update_cost, [&] { update(joined); });
  }
  tell_evaluation();
  round_.steps.push_back(record);
}

void Island::close_round(Strategy& strategy, const TrainPlan& plan, const StepPlace& place) {
  // Losses are read once a round: on a device this is the one synchronization.
  const auto losses = parts_.task.take_losses();
  const auto batches = static_cast<std::size_t>(plan.batches_per_step);
  STRAIT_CHECK(losses.size() == round_.steps.size() * batches,
               "{} losses of {} steps of {} batches in round {}", losses.size(),
               round_.steps.size(), batches, place.round);
  for (std::size_t i = 0; i < losses.size(); ++i) {
    round_.steps[i / batches].loss += losses[i] / static_cast<double>(batches);
  }
  round_.island = id();
  round_.round = place.round;
  round_.now = parts_.clock.now();
  round_.waited = parts_.clock.waited();
  round_.boundary = strategy.boundary();
  if (const auto own = strategy.contribution(); !own.empty()) {
    parts_.observer.contributed(round_, own);
  }
  parts_.observer.round_done(round_, strategy.shared(*this));
  if (plan.reset_inner && round_.boundary.restarts) reset_optimizer();
  round_ = {};
}

void Island::reset_optimizer() {
  const auto buffers = static_cast<Bytes>(parts_.optimizer.state().size());
  pass_over_memory(buffers * static_cast<Bytes>(sizeof(float)) * parts_.task.layout().size(),
                   [&] { reset(parts_.optimizer); });
}

void Island::evaluate_later(const Strategy& strategy, const TrainPlan& plan) {
  const Boundary& boundary = strategy.boundary();
  const auto& members = boundary.roster.members;
  const auto self = std::find_if(members.begin(), members.end(),
                                 [&](const auto& member) { return member.island == id(); });
  if (self == members.end() || !plan.evaluated_after(boundary.round)) return;
  evaluation_ = {.round = boundary.round,
                 .share = {.index = static_cast<int>(self - members.begin()),
                           .count = static_cast<int>(members.size()),
                           .own = !strategy.shares_parameters()},
                 .metrics = {}};
}

void Island::evaluate(Strategy& strategy) {
  // At the start of the next step the shared parameters are still those of that round, under every
  // strategy. Evaluation costs no virtual time.
  if (!evaluation_) return;
  const EvaluationShare share = evaluation_->share;
  evaluation_->metrics = parts_.task.evaluate(strategy.shared(*this), share.own ? 0 : share.index,
                                              share.own ? 1 : share.count);
}

void Island::tell_evaluation() {
  if (!evaluation_) return;
  parts_.observer.evaluated(id(), evaluation_->round, evaluation_->share, evaluation_->metrics);
  evaluation_.reset();
}

void Island::pass_over_memory(Bytes touched, const std::function<void()>& work) {
  const Nanos cost = compute_.memory_cost(touched);
  if (parts_.task.idle()) return parts_.clock.compute(cost, [] {});
  parts_.clock.compute(cost, work);
}

}  // namespace strait
