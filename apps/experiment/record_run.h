// RunRecord: feeds what the islands of one arm report to the Recorder (core/train/record.h).
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "apps/experiment/arm.h"
#include "core/train/record.h"

namespace strait {

/// Throws UserError if this run cannot be recorded (no tokens, no shared parameters, islands that
/// begin in the middle of it).
void check_recordable(const Experiment& experiment, const ArmOptions& arm);

/// An island's boundaries become files by the rounds that took them in, which is known only later:
/// a round that an island has missed may still be made with it, and rounds that it was away for
/// have its unchanged parameters. So parameters wait here until its next outer step.
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
  /// A boundary that no file has yet.
  struct Stop {
    std::uint32_t round = 0;  // whose steps the island did
    std::vector<float> parameters;
    std::vector<StepRecord> steps;  // empty until the boundary is over
  };
  /// One island's; touched by its own thread only, until finish().
  struct Trail {
    std::vector<float> parameters;  // that its next step starts from
    std::vector<Stop> stops;        // in order
    std::uint32_t filed = 0;        // the last round that has a file of this island
    std::int64_t steps = 0;         // recorded
  };

  void file_up_to(IslandId island, std::uint32_t round);
  void record_steps(IslandId island, std::uint32_t round, const std::vector<StepRecord>& steps);
  void note_received(IslandId island, std::uint32_t round);
  void note_members(const Boundary& boundary, std::span<const float> shared);
  std::vector<MemberRow>& members_of(std::uint32_t round);

  const TaskSource& tasks_;
  const std::size_t batch_size_;     // tokens: sequences x context
  const std::int64_t step_batches_;  // of an inner step
  ParameterLayout layout_;
  Recorder recorder_;
  std::vector<Trail> trails_;
  std::mutex mutex_;
  std::map<std::uint32_t, std::vector<MemberRow>> members_;  // of committed rounds, by island
  std::uint32_t committed_ = 0;  // the last round that has shared parameters
};

}  // namespace strait
