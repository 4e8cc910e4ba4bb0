// What one island does in a phase or an arm, on its thread, wherever the others are.
#pragma once

#include <functional>

#include "apps/experiment/arm.h"

namespace strait {

/// Who hears of an island's life: the board of this process, or the coordinator's elsewhere.
class LifeObserver : public IslandObserver {
 public:
  /// It reports nothing more; `lost_tokens` of its work have counted nowhere.
  virtual void ended(IslandId island, std::int64_t lost_tokens) = 0;

  /// After ended(): the shared parameters that it has, those after `round`.
  virtual void left(IslandId island, std::uint32_t round, std::span<const float> shared) = 0;
};

/// One life of an island in an arm. Throws RunFailed, and Killed as its clock does.
void live(const Experiment& x, const ArmOptions& options, const TrainPlan& plan,
          const Checkpoint* start, IslandId island, World::Ports& ports, LifeObserver& observer,
          ArmCheckpoints* checkpoints = nullptr);

/// An island's part of pretraining: island 0 trains on the batches of all and hands out.
struct PretrainPart {
  Checkpoint checkpoint;
  std::uint64_t hash = 0;  // of the parameters
  Nanos compute_time{0};   // island 0's
  double loss = 0;         // likewise, of the last step
};
PretrainPart pretrain_part(const Experiment& x, IslandId island, World::Ports& ports,
                           const std::function<void(std::int64_t step)>& progress);

}  // namespace strait
