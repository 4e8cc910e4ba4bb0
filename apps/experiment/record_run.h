// RunRecord: feeds what the islands of one arm report to the Recorder (core/train/record.h).
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "apps/experiment/arm.h"
#include "core/train/record.h"

namespace strait {

/// Throws UserError if this run cannot be recorded (no tokens, no shared parameters).
void check_recordable(const Experiment& experiment, const ArmOptions& arm);

class RunRecord final : public IslandObserver {
 public:
  /// `start` null: islands begin with the seed's initial values.
  RunRecord(const std::string& folder, const Experiment& experiment, const ArmOptions& arm,
            const Checkpoint* start);

  void at_boundary(IslandId island, std::uint32_t round, std::span<const float> own) override;
  void round_done(const IslandRound& round, std::span<const float> shared) override;

  /// When the arm is over.
  void finish();

 private:
  void record_steps(const IslandRound& round);

  const TaskSource& tasks_;
  const std::size_t batch_size_;  // tokens: sequences x context
  const int islands_;
  const std::int64_t first_step_;
  ParameterLayout layout_;
  Recorder recorder_;
  std::mutex mutex_;
  std::map<std::uint32_t, std::vector<MemberRow>> members_;  // of committed rounds, by island
};

}  // namespace strait
