// Checkpoints of a run whose islands are processes: what they have in common after a round, as the
// coordinator has got it from one of them. Each island's own state stays with it, so a run is not
// resumed from one; its model can be used, and be the start of another run.
//
// A copy waits for the row of its round, which says how good it is, and is written by a thread of
// its own: a disk may take longer than islands wait for a sign of their coordinator.
//
// Thread: the coordinator's loop. The storage is the writer's while it writes.
#pragma once

#include <future>
#include <optional>
#include <string>
#include <vector>

#include "apps/experiment/saved_run.h"
#include "core/comm/catch_up.h"

namespace strait {

/// The `count` buffers of a copy in the flat layout; none if it is of another model, or another
/// number of buffers.
std::vector<std::vector<float>> flat_buffers(const SharedState& state, std::size_t count,
                                             const ParameterLayout& layout);

class RealCheckpoints {
 public:
  /// `experiment` and `storage` outlive this.
  RealCheckpoints(const Experiment& experiment, const ArmOptions& options, const TrainPlan& plan,
                  FolderStorage& storage);

  /// Whether one is due at a round after `from` and up to `to`; the last round has the final one.
  bool due(std::uint32_t from, std::uint32_t to) const;

  /// Of what islands share, to be given to take(): the parameters and the outer optimizer's.
  std::uint32_t buffers() const { return static_cast<std::uint32_t>(1 + outer_names_.size()); }

  /// A copy waits for its row, or is being written: no other is taken meanwhile.
  bool busy() const { return waiting_ || writing_.valid(); }

  /// What islands share after `round`; `row` null: that comes later (row_done).
  void take(const SharedState& state, std::uint32_t round, const RoundRow* row);
  void row_done(const RoundRow& row);

  /// Frees what a writer that has ended held. What went wrong, for people; empty: nothing. `wait`:
  /// for the writer, and no more rows come.
  std::string settle(bool wait);

 private:
  void write(SavedRound saved);

  const std::int64_t keep_;
  const std::vector<std::string> outer_names_;  // of what is shared beside the parameters
  const TrainPlan plan_;
  const std::uint32_t every_;  // rounds; 0: none
  const SavedRound blank_;
  const ParameterLayout layout_;
  FolderStorage& storage_;
  std::optional<SavedRound> waiting_;
  std::future<std::string> writing_;
  std::string complaint_;
};

}  // namespace strait
