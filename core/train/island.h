// Island: one participant's inner loop. Plain code on a thread of its own.
//
//   for every round: H times { gradient of the batch (seed, island, step); inner update };
//   then the strategy exchanges what it exchanges.
// Which round comes next the strategy says. Steps are numbered by rounds, first_step + (round - 1)
// H
// + h, so an island that jumps over rounds leaves their data out and never reads any twice.
//
// Owns nothing of what it is given; all of it belongs to this island's thread, but the observer.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "core/base/clock.h"
#include "core/train/compute_model.h"
#include "core/train/optimizer.h"
#include "core/train/strategy.h"
#include "core/train/task.h"

namespace strait {

struct StepRecord {
  std::int64_t step = 0;
  double lr = 0;
  double loss = 0;           // before the update
  double gradient_norm = 0;  // before clipping
};

/// What one island did between two boundaries, and what came of it.
struct IslandRound {
  IslandId island = 0;
  std::uint32_t round = 0;  // whose steps it did; boundary.round says where they counted
  std::vector<StepRecord> steps;
  std::int64_t examples = 0;
  std::int64_t tokens = 0;
  Nanos now{0};     // when the round was over for this island
  Nanos waited{0};  // of that, since this life began: time in which it waited for others
  Boundary boundary;
};

/// Which part of an evaluation an island makes: the sources i with i % count == index, or all of
/// them if its parameters are its own.
struct EvaluationShare {
  int index = 0;  // among the members of the round
  int count = 1;
  bool own = false;
};

/// Who watches. Called on the islands' threads, several at once.
class IslandObserver {
 public:
  virtual ~IslandObserver() = default;

  /// The island is at the boundary; nothing of this round has been exchanged.
  virtual void at_boundary(IslandId, std::uint32_t /*round*/, std::span<const float> /*own*/) {}

  /// Before round_done: what the island has contributed to boundary.round, if it has.
  virtual void contributed(const IslandRound&, std::span<const float> /*outer_gradient*/) {}

  virtual void round_done(const IslandRound&, std::span<const float> /*shared*/) {}

  /// This island's share of an evaluation of the shared parameters after `round`.
  virtual void evaluated(IslandId, std::uint32_t /*round*/, EvaluationShare,
                         const std::vector<Metric>&) {}

  /// The island was killed; `lost_tokens` of its work have counted nowhere. Called while its thread
  /// unwinds, when no event and no other island is running.
  virtual void died(IslandId, std::int64_t /*lost_tokens*/) {}
};

struct TrainPlan {
  std::int64_t first_step = 0;  // steps before it belong to pretraining
  std::uint32_t rounds = 1;
  std::int64_t steps_per_round = 20;  // H
  std::int64_t batches_per_step = 1;  // gradient accumulation
  bool reset_inner = false;           // the optimizer, when shared parameters are started from
  std::uint32_t evaluate_every = 5;   // rounds; 0: only the branch point and the end

  /// Whether the shared parameters are evaluated after `round`; 0 is the branch point.
  bool evaluated_after(std::uint32_t round) const {
    if (round == 0 || round == rounds) return true;
    return evaluate_every > 0 && round % evaluate_every == 0;
  }
};

class Island {
 public:
  struct Parts {
    IslandId id = 0;
    Clock& clock;
    Task& task;
    InnerOptimizer& optimizer;
    IslandObserver& observer;
  };

  Island(const Parts& parts, const ComputeModel& compute, const Schedule& schedule)
      : parts_(parts), compute_(compute), schedule_(schedule) {}

  /// Throws RunFailed, and Killed as its clock does.
  void train(Strategy& strategy, const TrainPlan& plan);

  // For strategies:
  IslandId id() const { return parts_.id; }
  Clock& clock() { return parts_.clock; }
  std::span<float> parameters() { return parts_.task.parameters(); }
  std::span<float> gradients() { return parts_.task.gradients(); }
  InnerOptimizer& optimizer() { return parts_.optimizer; }
  const ParameterLayout& layout() const { return parts_.task.layout(); }

  /// What has been done since the last boundary.
  const IslandRound& work() const { return round_; }

  /// Memory traffic of an inner update of `size` parameters: p, m, v read and written, g read.
  static constexpr Bytes update_bytes(std::int64_t size) { return 28 * size; }

  /// Does `work` at the cost of `touched` bytes of memory traffic.
  void pass_over_memory(Bytes touched, const std::function<void()>& work);

 private:
  struct Evaluation {
    std::uint32_t round = 0;
    EvaluationShare share;
    std::vector<Metric> metrics;  // once it is made
  };

  void live(Strategy& strategy, const TrainPlan& plan);
  void train_round(Strategy& strategy, const TrainPlan& plan, std::uint32_t round);
  void inner_step(Strategy& strategy, const TrainPlan& plan, const StepPlace& place);
  void close_round(Strategy& strategy, const TrainPlan& plan, const StepPlace& place);
  void reset_optimizer();
  void evaluate_later(const Strategy& strategy, const TrainPlan& plan);

  /// Made inside the next computing: what is done outside of it, other islands have to wait for.
  void evaluate(Strategy& strategy);
  void tell_evaluation();

  Parts parts_;
  ComputeModel compute_;
  Schedule schedule_;
  IslandRound round_;
  std::optional<Evaluation> evaluation_;  // free on the virtual clock
};

}  // namespace strait
