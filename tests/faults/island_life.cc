#include "tests/faults/island_life.h"

#include <algorithm>
#include <utility>

namespace strait {

using namespace std::chrono_literals;

IslandLife::IslandLife(IslandId island, World::Ports& ports, const FaultPlan& plan,
                       Auditor& auditor, EventLog& log)
    : island_(island),
      ports_(ports),
      plan_(plan),
      auditor_(auditor),
      log_(log),
      model_(plan.elements),
      in_(std::make_shared<std::vector<float>>(plan.elements)),
      out_(plan.elements) {}

void IslandLife::live() {
  auditor_.begins(island_, ports_.life);
  Rounds& rounds = *ports_.rounds;
  rounds.serve_state([this] { return model_.copy(); });
  rounds.updated(0);
  double weight = 1;
  if (ports_.joins) {
    catch_up();
    // It begins in the middle of a round, with what the others have: it only receives.
    weight = model_.round == 0 ? 1 : 0;
  }
  while (!done()) {
    compute();
    if (behind_) weight = come_back();
    if (done()) break;
    round(weight);
    weight = 1;
  }
  rounds.retire(model_.round, model_.copy());
  ports_.clock.compute(0s, [] {});  // until that has been heard, the loop may copy our model
  log_.add(ports_.clock.now(), "island {} is done", island_);
  auditor_.finished(island_);
}

void IslandLife::compute() {
  ports_.clock.compute(plan_.compute(island_, ++computed_), [] {});
}

/// At the boundary after a round that it has missed: back to the others, with this weight.
double IslandLife::come_back() {
  const std::uint32_t before = model_.round;
  catch_up();
  behind_ = false;
  if (model_.round == before) return 1;  // that round is open still
  const Policy policy = plan_.policies[static_cast<std::size_t>(island_)];
  if (policy == Policy::kReceive) return 0;
  if (policy == Policy::kContinue || done()) return 1;
  ports_.rounds->sit_out(model_.round + 1);
  compute();
  catch_up();
  return 1;
}

void IslandLife::catch_up() {
  auto ticket = ports_.rounds->catch_up(model_.round);
  const auto outcome = ticket.wait();
  if (!outcome.ok()) {
    throw FaultFound(fmt::format("island {} cannot catch up: {}", island_, outcome.failure().what));
  }
  const CaughtUp& what = outcome.value();
  log_.add(ports_.clock.now(), "island {} catches up from round {} to {} by {}", island_, what.from,
           what.round, what.state ? "a copy" : "replay");
  auditor_.caught_up(island_, what);
  if (what.round == what.from) return;
  apply([&] {
    if (what.state) {
      model_.shared = what.state->buffers[0];
      model_.momentum = what.state->buffers[1];
      model_.round = what.round;
    }
    for (const auto& mean : what.means) model_.step(mean);
  });
}

void IslandLife::round(double weight) {
  const std::uint32_t number = model_.round + 1;
  if (weight > 0) weight = plan_.weight(island_, number);
  contribute(island_, number, *in_);
  std::fill(out_.begin(), out_.end(), -1.0f);
  auditor_.starts(island_, number, weight);
  auto ticket = ports_.rounds->start({.round = number,
                                      .weight = weight,
                                      .shared_hash = model_.hash(),
                                      .in = *in_,
                                      .out = out_,
                                      .hold = in_});
  const auto outcome = ticket.wait();
  if (!outcome.ok()) {
    throw FaultFound(
        fmt::format("island {}: round {}: {}", island_, number, outcome.failure().what));
  }
  const RoundResult& result = outcome.value();
  if (result.end == RoundEnd::kMissed) {
    log_.add(ports_.clock.now(), "island {} has missed round {}", island_, number);
    auditor_.missed(island_, result);
    behind_ = true;
    return;
  }
  log_.add(ports_.clock.now(), "island {} takes round {} of epoch {}", island_, number,
           result.epoch);
  auditor_.committed(island_, result, out_);
  apply([&] { model_.step(out_); });
}

void IslandLife::apply(const std::function<void()>& change) {
  ports_.rounds->updating();
  ports_.clock.compute(10ms, change);
  auditor_.applied(island_, model_);
  ports_.rounds->updated(model_.round);
}

}  // namespace strait
