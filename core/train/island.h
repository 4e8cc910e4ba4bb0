// Island: one participant's inner loop. Plain code on a thread of its own.
//
//   for every round: H times { gradient of the batch (seed, island, step); inner update };
//   then the strategy exchanges what it exchanges.
//
// Owns nothing of what it is given; all of it belongs to this island's thread, but the observer.
#pragma once

#include <functional>
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

/// What one island did in one round.
struct IslandRound {
  IslandId island = 0;
  std::uint32_t round = 0;
  std::vector<StepRecord> steps;
  std::int64_t tokens = 0;
  Nanos now{0};     // when the round was over for this island
  Nanos waited{0};  // of that, since the start: time in which it waited for others
  Roster roster;
};

/// Who watches. Called on the islands' threads, several at once.
class IslandObserver {
 public:
  virtual ~IslandObserver() = default;

  /// The island is at the boundary; nothing of this round has been exchanged.
  virtual void at_boundary(IslandId, std::uint32_t /*round*/, std::span<const float> /*own*/) {}

  virtual void round_done(const IslandRound&, std::span<const float> /*shared*/) {}

  /// This island's share of an evaluation of the shared parameters after `round`.
  virtual void evaluated(IslandId, std::uint32_t /*round*/, Nanos /*now*/,
                         const std::vector<Metric>&) {}
};

struct TrainPlan {
  std::int64_t first_step = 0;  // steps before it belong to pretraining
  std::uint32_t rounds = 1;
  std::int64_t steps_per_round = 20;  // H
  std::uint32_t evaluate_every = 5;   // rounds; 0: only the branch point and the end
  int evaluation_shares = 1;          // islands that share the sources of an evaluation

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

  void train(Strategy& strategy, const TrainPlan& plan);

  // For strategies:
  IslandId id() const { return parts_.id; }
  Clock& clock() { return parts_.clock; }
  std::span<float> parameters() { return parts_.task.parameters(); }
  std::span<float> gradients() { return parts_.task.gradients(); }
  const ParameterLayout& layout() const { return parts_.task.layout(); }

  /// Memory traffic of an inner update of `size` parameters: p, m, v read and written, g read.
  static constexpr Bytes update_bytes(std::int64_t size) { return 28 * size; }

  /// Does `work` at the cost of `touched` bytes of memory traffic.
  void pass_over_memory(Bytes touched, const std::function<void()>& work);

 private:
  void inner_step(Strategy& strategy, const StepPlace& place);
  void close_round(Strategy& strategy, const StepPlace& place);
  void evaluate_later(Strategy& strategy, std::uint32_t round, int shares);

  /// Done inside the next computing: what is done outside of it, other islands have to wait for.
  void run_chores();

  Parts parts_;
  ComputeModel compute_;
  Schedule schedule_;
  IslandRound round_;
  std::vector<std::function<void()>> chores_;  // free on the virtual clock: see run_chores()
};

}  // namespace strait
