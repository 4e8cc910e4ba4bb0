// Elastic data parallelism: islands come and go, and each inner step is a round of its own.
//
//   g_i := gradient of island i's batch at theta(s-1)
//   g   := mean of g_i over the members of step s               committed for all, or made again
//   theta(s), optimizer(s) := InnerOpt( theta(s-1), optimizer(s-1), g )      same bits on all
//
// A gradient belongs to the parameters that it was computed from. So who has missed a step copies
// parameters and inner optimizer from a live member before it contributes again, and what it had
// computed comes to nothing; the others stand still meanwhile (CoordinatorOptions::lockstep).
// Whether they also wait for those who are not there is a matter of the quorum.
//
// Memory beside the island's own: the gradient as it is sent, and the mean.

#include <optional>
#include <string>

#include "core/base/check.h"
#include "core/train/flat_buffer.h"
#include "core/train/flat_math.h"
#include "core/train/island.h"
#include "core/train/packed.h"
#include "core/train/strategies/contribution.h"
#include "core/train/strategies/rows.h"
#include "core/train/strategies/state_copy.h"

namespace strait {

namespace {

class ElasticDataParallel final : public Strategy {
 public:
  explicit ElasticDataParallel(const StrategyPorts& ports)
      : rounds_(*ports.rounds),
        joins_(ports.joins),
        leaving_(ports.leaving),
        keeper_(ports.keeper) {
    if (!joins_) boundary_.roster = ports.starters;
  }

  void begin(Island& island, std::uint32_t rounds) override {
    last_ = rounds;
    first_steps_ = island.optimizer().steps_taken();
    sent_ = std::make_shared<Contribution>(island.layout());
    mean_.resize(island.parameters().size());
    received_.emplace(island.layout(), mean_);
    served_.serve(rounds_, [&island] { return copy_of_state(island); });
    if (!joins_ || !catch_up(island)) rounds_.updated(0);
  }

  std::uint32_t next_round(std::uint32_t last) override {
    if (last > 0) boundary_ = {.state = boundary_.state};  // that of begin is told with the first
    const bool leaves = leaving_ != nullptr && *leaving_;
    return leaves || boundary_.state >= last_ ? kNoRound : boundary_.state + 1;
  }

  bool joins_gradients() const override { return true; }

  std::span<const float> gradient_ready(Island& island, const StepPlace& place) override {
    STRAIT_CHECK(place.ends_round && place.round == boundary_.state + 1,
                 "step {} of round {} on the state after round {}", place.step, place.round,
                 boundary_.state);
    boundary_.roster = {};
    const std::uint64_t hash = prepare(island, place);
    while (!exchange(place, hash)) {
      if (!catch_up(island)) continue;  // no step was made without us: the gradient still counts
      boundary_.discarded_tokens = island.work().tokens;
      return {};
    }
    rounds_.updating();
    return mean_;
  }

  void step_done(Island& island, const StepPlace& place) override {
    if (boundary_.roster.members.empty()) return;  // it has caught up instead
    came_to(island, place.round - 1, place.round);
    boundary_.round = boundary_.state = place.round;
    rounds_.updated(place.round);
  }

  void drain(Island& island) override {
    served_.retire(boundary_.state, copy_of_state(island));
    if (boundary_.state < last_) rounds_.leave();
  }

  std::span<const float> shared(Island& island) override { return island.parameters(); }

 private:
  /// The island's gradient, in sent_; the hash of what it was computed from.
  std::uint64_t prepare(Island& island, const StepPlace& place) {
    std::uint64_t hash = 0;
    bool finite = true;
    island.pass_over_memory(bytes(3), [&] {
      const auto gradients = island.gradients();
      finite = all_finite(gradients);
      std::copy(gradients.begin(), gradients.end(), sent_->values.begin());
      sent_->packed.gather();
      hash = hash_floats(island.parameters());
    });
    if (!finite) fail(place, "the gradient of island " + std::to_string(island.id()));
    return hash;
  }

  /// The mean of the step's members, in mean_. False: the step is made without this island, or may
  /// be.
  bool exchange(const StepPlace& place, std::uint64_t hash) {
    auto ticket = rounds_.start({.round = place.round,
                                 .shared_hash = hash,
                                 .in = sent_->packed.values(),
                                 .out = received_->values(),
                                 .hold = sent_});
    const Outcome<RoundResult> result = ticket.wait();
    if (!result.ok()) {
      throw RunFailed("step " + std::to_string(place.step) + ": " + result.failure().what);
    }
    if (result.value().end == RoundEnd::kMissed) return false;
    received_->scatter();
    // The optimizer would refuse it, and the islands' counts of steps would part.
    if (!all_finite(mean_)) fail(place, "the mean gradient");
    boundary_.roster = result.value().roster;
    return true;
  }

  [[noreturn]] static void fail(const StepPlace& place, const std::string& what) {
    throw RunFailed("step " + std::to_string(place.step) + ": " + what +
                    " is not finite: training diverged; lower inner.lr");
  }

  /// Parameters and optimizer after the last committed step. False: nothing was missed.
  bool catch_up(Island& island) {
    const std::uint32_t from = boundary_.state;
    auto ticket = rounds_.catch_up(from);
    const Outcome<CaughtUp> result = ticket.wait();
    if (!result.ok()) {
      throw RunFailed("catching up after round " + std::to_string(from) + ": " +
                      result.failure().what);
    }
    const CaughtUp& missed = result.value();
    if (missed.round == from) return false;
    const FlatBuffers buffers = state(island);
    check_given(missed, island.layout(), buffers.size());
    if (!missed.state) {  // donors of steps keep none (commit_steps)
      throw RunFailed("step " + std::to_string(from + 1) + ": a donor gave means, not its state");
    }
    rounds_.updating();
    island.pass_over_memory(bytes(2 * static_cast<int>(buffers.size())),
                            [&] { restore_state(*missed.state, island.layout(), buffers); });
    island.optimizer().set_steps_taken(first_steps_ + missed.round);
    came_to(island, from, missed.round);
    boundary_.state = missed.round;
    boundary_.caught_up_from = from;
    boundary_.caught_up_to = missed.round;
    rounds_.updated(missed.round);
    return true;
  }

  void came_to(Island& island, std::uint32_t from, std::uint32_t to) {
    if (keeper_ != nullptr) keeper_->came_to(island, from, to, island.parameters(), {});
  }

  static FlatBuffers state(Island& island) {
    FlatBuffers buffers{island.parameters()};
    for (const auto& state : island.optimizer().state()) buffers.push_back(state.values);
    return buffers;
  }
  static SharedState copy_of_state(Island& island) {
    return copy_state(island.layout(), state(island));
  }

  Bytes bytes(int buffers) const {
    return static_cast<Bytes>(mean_.size() * sizeof(float)) * buffers;
  }

  Rounds& rounds_;
  const bool joins_;
  const std::atomic<bool>* const leaving_;
  RoundKeeper* const keeper_;
  std::uint32_t last_ = 0;              // step
  std::int64_t first_steps_ = 0;        // the optimizer's before step 1, the same on all islands
  std::shared_ptr<Contribution> sent_;  // g_i
  FlatBuffer mean_;                     // g
  std::optional<Packed> received_;      // of mean_
  ServedState served_;                  // the last member: taken back before the buffers go
};

}  // namespace

std::unique_ptr<Strategy> make_elastic_data_parallel(const StrategyPorts& ports) {
  return std::make_unique<ElasticDataParallel>(ports);
}

}  // namespace strait
