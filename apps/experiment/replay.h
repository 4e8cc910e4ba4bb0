// Replay: the part of a resumed run that has been before. Its islands go the same way again, with
// the same messages at the same times, but do not train: their losses and evaluations are those
// that were saved, their parameters stand still. When an island comes to where it was saved, it is
// given what was saved and goes on for real.
//
// Thread: the island's.
#pragma once

#include <functional>
#include <memory>

#include "core/train/optimizer.h"
#include "core/train/saved_round.h"
#include "core/train/task.h"

namespace strait {

/// How far one life of an island has been replayed.
struct Replay {
  bool idle = true;  // it still is
  StepWork step;     // what a step is taken for
  /// The report and the share of an evaluation that come next; null: it was killed before.
  std::function<const SavedReport*()> report;
  std::function<const std::vector<Metric>*()> evaluation;
};

/// `replay` outlives them. When it is not idle they do what `real` does.
std::unique_ptr<Task> replayed(std::unique_ptr<Task> real, const Replay& replay);
std::unique_ptr<InnerOptimizer> replayed(std::unique_ptr<InnerOptimizer> real,
                                         const Replay& replay);

}  // namespace strait
