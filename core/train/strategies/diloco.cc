// DiLoCo (arXiv 2311.08105, Algorithm 1).
//
//   theta_i  := theta(t-1), then H times: theta_i := InnerOpt( theta_i, gradient of its batch )
//   Delta(t) := weighted mean over i of ( theta(t-1) - theta_i )   outer gradient: old minus new
//   theta(t) := OuterOpt( theta(t-1), Delta(t) )                   on every island, same bits
//
// The inner optimizer's state stays on its island and lives on through rounds. Memory beside the
// island's own: shared parameters, outer momentum, outer gradient, mean (4 buffers).

#include <algorithm>
#include <optional>

#include "core/train/flat_math.h"
#include "core/train/island.h"
#include "core/train/packed.h"
#include "core/train/strategies/rows.h"

namespace strait {

namespace {

class DiLoCo final : public Strategy {
 public:
  DiLoCo(const StrategyPorts& ports, const OuterOptions& outer) : ports_(ports), options_(outer) {}

  /// Every island starts from the same theta(0).
  void begin(Island& island) override {
    shared_.assign(island.parameters().begin(), island.parameters().end());
    outer_gradient_.resize(shared_.size());
    mean_.resize(shared_.size());
    sent_.emplace(island.layout(), outer_gradient_);
    received_.emplace(island.layout(), mean_);
    outer_ = make_outer_optimizer(options_, static_cast<std::int64_t>(shared_.size()));
    roster_ = everyone(ports_.islands);
  }

  void step_done(Island& island, const StepPlace& place) override {
    if (!place.ends_round) return;
    double weight = 1;
    std::uint64_t hash = 0;
    island.pass_over_memory(bytes(3), [&] {
      outer_gradient(shared_, island.parameters(), outer_gradient_);
      // What is not finite must not spoil the others: this island then only receives.
      if (!all_finite(outer_gradient_)) weight = 0;
      hash = hash_floats(shared_);
      sent_->gather();
    });
    exchange(place.round, weight, hash);
    island.pass_over_memory(bytes(6), [&] {
      received_->scatter();
      outer_->step(shared_, mean_);
      std::copy(shared_.begin(), shared_.end(), island.parameters().begin());
    });
  }

  std::span<const float> shared(Island&) override { return shared_; }
  const Roster& roster() const override { return roster_; }

 private:
  /// The mean outer gradient of the round's members, in received_.
  void exchange(std::uint32_t round, double weight, std::uint64_t hash) {
    if (ports_.rounds == nullptr) {  // one island
      if (weight == 0) {
        throw RunFailed(
            "the outer gradient of the only island is not finite: training diverged; lower "
            "inner.lr or outer.lr");
      }
      std::copy_n(sent_->values().begin(), sent_->values().size(), received_->values().begin());
      return;
    }
    auto ticket = ports_.rounds->start({.round = round,
                                        .weight = weight,
                                        .shared_hash = hash,
                                        .in = sent_->values(),
                                        .out = received_->values()});
    Outcome<RoundResult> result = ticket.wait();
    if (!result.ok()) {
      throw RunFailed("round " + std::to_string(round) + ": " + result.failure().what);
    }
    roster_ = result.value().roster;
  }

  Bytes bytes(int buffers) const {
    return static_cast<Bytes>(shared_.size() * sizeof(float)) * buffers;
  }

  StrategyPorts ports_;
  OuterOptions options_;
  std::vector<float> shared_;          // theta(t-1)
  std::vector<float> outer_gradient_;  // theta(t-1) - theta_i
  std::vector<float> mean_;            // Delta(t)
  std::optional<Packed> sent_;         // of outer_gradient_
  std::optional<Packed> received_;     // of mean_
  std::unique_ptr<OuterOptimizer> outer_;
  Roster roster_;
};

}  // namespace

std::unique_ptr<Strategy> make_diloco(const StrategyPorts& ports, const OuterOptions& outer) {
  return std::make_unique<DiLoCo>(ports, outer);
}

}  // namespace strait
