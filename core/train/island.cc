#include "core/train/island.h"

#include <algorithm>

#include "core/base/check.h"

namespace strait {

void Island::train(Strategy& strategy, const TrainPlan& plan) {
  strategy.begin(*this);
  evaluate_later(strategy, 0, plan.evaluation_shares);
  std::int64_t step = plan.first_step;
  for (std::uint32_t round = 1; round <= plan.rounds; ++round) {
    round_ = {.island = id(), .round = round};
    for (std::int64_t h = 1; h <= plan.steps_per_round; ++h, ++step) {
      const StepPlace place{step, round, h == plan.steps_per_round};
      inner_step(strategy, place);
      if (place.ends_round) parts_.observer.at_boundary(id(), round, parameters());
      strategy.step_done(*this, place);
      if (place.ends_round) close_round(strategy, place);
    }
    if (plan.evaluated_after(round)) evaluate_later(strategy, round, plan.evaluation_shares);
  }
  strategy.drain(*this);
  parts_.clock.compute(Nanos{0}, [this] { run_chores(); });
}

void Island::inner_step(Strategy& strategy, const StepPlace& place) {
  const double lr = schedule_.rate(place.step);
  const Nanos cost = compute_.step_cost(id(), place.step);
  StepRecord record{.step = place.step, .lr = lr};
  const auto gradient = [&] {
    run_chores();
    parts_.task.clear_gradients();
    round_.tokens += parts_.task.accumulate_gradient({id(), place.step}, 1.0f).tokens;
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
    parts_.clock.compute(update_cost, [&] { update(joined); });
  }
  round_.steps.push_back(record);
}

void Island::close_round(Strategy& strategy, const StepPlace& place) {
  // Losses are read once a round: on a device this is the one synchronization.
  const auto losses = parts_.task.take_losses();
  STRAIT_CHECK(losses.size() == round_.steps.size(), "{} losses of {} steps in round {}",
               losses.size(), round_.steps.size(), place.round);
  for (std::size_t i = 0; i < losses.size(); ++i) round_.steps[i].loss = losses[i];
  round_.now = parts_.clock.now();
  round_.waited = parts_.clock.waited();
  round_.roster = strategy.roster();
  parts_.observer.round_done(round_, strategy.shared(*this));
}

void Island::evaluate_later(Strategy& strategy, std::uint32_t round, int shares) {
  // At the start of the next step the shared parameters are still those of this round, under every
  // strategy. Evaluation costs no virtual time.
  chores_.push_back([this, &strategy, round, shares, now = parts_.clock.now()] {
    const auto metrics = parts_.task.evaluate(strategy.shared(*this), id() % shares, shares);
    parts_.observer.evaluated(id(), round, now, metrics);
  });
}

void Island::run_chores() {
  for (const auto& chore : chores_) chore();
  chores_.clear();
}

void Island::pass_over_memory(Bytes touched, const std::function<void()>& work) {
  parts_.clock.compute(compute_.memory_cost(touched), work);
}

}  // namespace strait
