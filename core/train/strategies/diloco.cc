// DiLoCo (arXiv 2311.08105, Algorithm 1), on islands that come and go.
//
//   theta_i  := theta(t-1), then H times: theta_i := InnerOpt( theta_i, gradient of its batch )
//   Delta(t) := weighted mean over i of ( theta(t-1) - theta_i )   outer gradient: old minus new
//   theta(t) := OuterOpt( theta(t-1), Delta(t) )                   on every island, same bits
//
// An island that has missed round t goes on for H steps from its own theta_i. At its next boundary
// it first catches up theta and the outer optimizer's state with the last committed round R; what
// it does then is the policy (core/train/strategy.h). If nothing was committed meanwhile, it has
// missed nothing: its work stands. A joiner catches up at once and sits round R + 1 out.
//
// The inner optimizer's state stays on its island. Memory beside the island's own: shared
// parameters, outer gradient, mean (3 buffers), and the outer optimizer's state.

#include <algorithm>
#include <optional>

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

class DiLoCo final : public Strategy {
 public:
  DiLoCo(const StrategyPorts& ports, const OuterOptions& outer) : ports_(ports), options_(outer) {}

  void begin(Island& island, std::uint32_t rounds) override {
    rounds_ = rounds;
    layout_ = &island.layout();
    shared_.assign(island.parameters().begin(), island.parameters().end());
    mean_.resize(shared_.size());
    sent_ = std::make_shared<Contribution>(island.layout());
    received_.emplace(island.layout(), mean_);
    outer_ = make_outer_optimizer(options_, static_cast<std::int64_t>(shared_.size()));
    boundary_.roster = ports_.starters;
    if (ports_.rounds == nullptr) return;
    served_.serve(*ports_.rounds, [this] { return copy_of_state(); });
    if (ports_.joins) {
      join(island);
    } else {
      ports_.rounds->updated(0);
    }
  }

  std::uint32_t next_round(std::uint32_t last) override {
    const bool leaves = ports_.leaving != nullptr && *ports_.leaving;
    if (leaves || boundary_.state >= rounds_) return kNoRound;
    return std::max({last + 1, known_ + 1, boundary_.state + (sits_out_ ? 2 : 1)});
  }

  void step_done(Island& island, const StepPlace& place) override {
    if (!place.ends_round) return;
    const std::uint32_t state = boundary_.state;
    boundary_ = {};
    boundary_.state = state;
    contributed_ = false;
    done_ = {.examples = waiting_.examples + island.work().examples,
             .tokens = waiting_.tokens + island.work().tokens};
    if (has_missed_ && catch_up(island)) {
      if (boundary_.state >= rounds_) return start_from_shared(island);  // nobody needs it any more
      const bool fresh = std::exchange(sits_out_, false);  // has only missed what it sat out
      if (!fresh && ports_.policy.missed == MissedRounds::kReceive) return receive(island);
      if (!fresh && ports_.policy.missed == MissedRounds::kRejoin) return rejoin(island);
    }
    sits_out_ = false;
    contribute(island);
  }

  void drain(Island&) override {
    if (ports_.rounds == nullptr) return;
    served_.retire(boundary_.state, copy_of_state());
    if (boundary_.state < rounds_) ports_.rounds->leave();
  }

  std::span<const float> shared(Island&) override { return shared_; }
  std::int64_t waiting_tokens() const override { return waiting_.tokens; }
  std::span<const float> contribution() const override {
    return contributed_ ? std::span<const float>(sent_->values) : std::span<const float>();
  }

 private:
  // --- what an island does at a boundary ---

  void contribute(Island& island) {
    std::uint64_t hash = 0;
    island.pass_over_memory(bytes(3), [&] {
      outer_gradient(shared_, island.parameters(), sent_->values);
      // What is not finite must not spoil the others: this island then only receives.
      boundary_.finite = all_finite(sent_->values);
      hash = hash_of_state();
      sent_->packed.gather();
    });
    if (take_part(island, boundary_.finite ? weight() : 0, hash)) {
      contributed_ = boundary_.finite;
    } else {
      waiting_ = done_;
    }
  }

  void receive(Island& island) {
    std::uint64_t hash = 0;
    island.pass_over_memory(bytes(1), [&] { hash = hash_of_state(); });
    if (take_part(island, 0, hash)) return;
    start_from_shared(island);
    sits_out_ = true;
  }

  void rejoin(Island& island) {
    // There is no round after the last one, so that one is received.
    if (boundary_.state + 1 == rounds_) return receive(island);
    start_from_shared(island);
    sit_out();
  }

  void join(Island& island) {
    boundary_.roster = {};
    if (!catch_up(island)) return ports_.rounds->updated(0);  // round 1 is open
    start_from_shared(island);
    if (boundary_.state < rounds_) sit_out();
  }

  // --- its parts ---

  /// The open round, with what is in sent_. False: it has missed it.
  bool take_part(Island& island, double weight, std::uint64_t hash) {
    const std::uint32_t round = boundary_.state + 1;
    if (!exchange(round, weight, hash)) {
      has_missed_ = true;
      return false;
    }
    if (weight == 0) boundary_.discarded_tokens += done_.tokens;
    waiting_ = {};
    has_missed_ = false;
    updating();
    island.pass_over_memory(bytes(6), [&] {
      received_->scatter();
      outer_->step(shared_, mean_, round);
      std::copy(shared_.begin(), shared_.end(), island.parameters().begin());
      came_to(island, round - 1, round);
    });
    boundary_.round = round;
    boundary_.restarts = true;
    updated(round);
    return true;
  }

  /// The mean outer gradient of the round's members, in received_.
  bool exchange(std::uint32_t round, double weight, std::uint64_t hash) {
    if (ports_.rounds == nullptr) {  // one island
      if (weight == 0) {
        throw RunFailed(
            "the outer gradient of the only island is not finite: training diverged; lower "
            "inner.lr or outer.lr");
      }
      const auto sent = sent_->packed.values();
      std::copy_n(sent.begin(), sent.size(), received_->values().begin());
      boundary_.roster = ports_.starters;
      return true;
    }
    auto ticket = ports_.rounds->start({.round = round,
                                        .weight = weight,
                                        .shared_hash = hash,
                                        .in = sent_->packed.values(),
                                        .out = received_->values(),
                                        .hold = sent_});
    Outcome<RoundResult> result = ticket.wait();
    check(result, round);
    known_ = std::max(known_, result.value().committed);
    if (result.value().end == RoundEnd::kMissed) return false;
    boundary_.roster = result.value().roster;
    return true;
  }

  /// Shared parameters and outer state up to the last committed round. False: nothing was missed.
  bool catch_up(Island& island) {
    const std::uint32_t from = boundary_.state;
    auto ticket = ports_.rounds->catch_up(from);
    Outcome<CaughtUp> result = ticket.wait();
    check(result, from + 1);
    has_missed_ = false;
    const CaughtUp& missed = result.value();
    if (missed.round == from) return false;
    check_given(missed, *layout_, state().size());
    updating();
    for (std::uint32_t round = from; const auto& mean : missed.means) {
      ++round;
      island.pass_over_memory(bytes(5), [&] {
        std::copy(mean.begin(), mean.end(), received_->values().begin());
        received_->scatter();
        outer_->step(shared_, mean_, round);
        came_to(island, round - 1, round);
      });
    }
    if (missed.state) {
      island.pass_over_memory(bytes(4), [&] {
        restore_state(*missed.state, *layout_, state());
        came_to(island, from, missed.round);
      });
    }
    boundary_.caught_up_from = from;
    boundary_.caught_up_to = missed.round;
    updated(missed.round);
    return true;
  }

  /// Work that has not counted comes to nothing.
  void start_from_shared(Island& island) {
    boundary_.discarded_tokens += done_.tokens;
    done_ = waiting_ = {};
    boundary_.restarts = true;
    island.pass_over_memory(
        bytes(2), [&] { std::copy(shared_.begin(), shared_.end(), island.parameters().begin()); });
  }

  void sit_out() {
    ports_.rounds->sit_out(boundary_.state + 1);
    sits_out_ = has_missed_ = true;
  }

  template <class T>
  static void check(const Outcome<T>& result, std::uint32_t round) {
    if (result.ok()) return;
    throw RunFailed("round " + std::to_string(round) + ": " + result.failure().what);
  }

  double weight() const {
    switch (ports_.policy.weights) {
      case Weights::kExamples: return static_cast<double>(done_.examples);
      case Weights::kTokens: return static_cast<double>(done_.tokens);
      default: return 1;
    }
  }

  // --- the state that others may ask for ---

  void updating() {
    if (ports_.rounds != nullptr) ports_.rounds->updating();
  }
  void updated(std::uint32_t round) {
    boundary_.state = round;
    known_ = std::max(known_, round);
    if (ports_.rounds != nullptr) ports_.rounds->updated(round);
  }

  void came_to(Island& island, std::uint32_t from, std::uint32_t to) {
    if (ports_.keeper == nullptr) return;
    std::vector<InnerOptimizer::State> outer;
    const auto buffers = outer_->state();
    const auto names = outer_state_names(buffers.size());
    for (std::size_t i = 0; i < buffers.size(); ++i) outer.push_back({names[i], buffers[i]});
    ports_.keeper->came_to(island, from, to, shared_, outer);
  }

  FlatBuffers state() {
    FlatBuffers buffers{shared_};
    for (const auto buffer : outer_->state()) buffers.push_back(buffer);
    return buffers;
  }

  /// What islands that take part have to have in common: a wrong momentum is found at once.
  std::uint64_t hash_of_state() {
    std::uint64_t hash = 0;
    for (const auto buffer : state()) hash = 31 * hash + hash_floats(buffer);
    return hash;
  }
  SharedState copy_of_state() { return copy_state(*layout_, state()); }

  Bytes bytes(int buffers) const {
    return static_cast<Bytes>(shared_.size() * sizeof(float)) * buffers;
  }

  const StrategyPorts ports_;
  const OuterOptions options_;
  std::uint32_t rounds_ = 0;
  const ParameterLayout* layout_ = nullptr;  // the task's
  FlatBuffer shared_;                        // theta(t-1)
  FlatBuffer mean_;                          // Delta(t)
  std::shared_ptr<Contribution> sent_;       // theta(t-1) - theta_i
  std::optional<Packed> received_;           // of mean_
  std::unique_ptr<OuterOptimizer> outer_;

  std::uint32_t known_ = 0;   // the last committed round, as far as known
  bool has_missed_ = false;   // a round; catch up before the next exchange
  bool contributed_ = false;  // to the round of the last boundary
  bool sits_out_ = false;     // since its parameters started from the shared ones
  StepWork waiting_;          // done before the last boundary, and has counted nowhere
  StepWork done_;             // the same at this boundary, with what came since
  ServedState served_;        // the last member: taken back before the buffers go
};

}  // namespace

std::unique_ptr<Strategy> make_diloco(const StrategyPorts& ports, const OuterOptions& outer) {
  return std::make_unique<DiLoCo>(ports, outer);
}

}  // namespace strait
