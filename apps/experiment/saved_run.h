// The checkpoints in a run's folder, whoever takes them: what they say of themselves, those of the
// run's begin and end, which of them stay, and the newest one that is whole. (Those of rounds:
// checkpoints.h in one process, real_checkpoints.h where islands are processes.)
//
// Thread: the storage's.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "apps/experiment/arm.h"
#include "core/train/saved_round.h"

namespace strait {

/// With the arm's title and the text's tokenizer, and nothing else yet.
SavedRound blank_checkpoint(const Experiment& experiment, const ArmOptions& options,
                            const TrainPlan& plan);

/// Step, time and losses.
void take_title_from(const RoundRow& row, SavedTitle& title);

/// After how many rounds of the plan one is taken; 0: none are. (Where each step is a round of its
/// own, as many steps as checkpoint.every rounds have.)
std::uint32_t rounds_between_checkpoints(const RunConfig& config, const TrainPlan& plan);

/// Of those of rounds the `keep` newest ones stay, and the best by held-out loss.
void prune_checkpoints(FolderStorage& storage, std::int64_t keep);

/// Shared parameters alone: of a run that has ended, for who wants to use the model.
void write_final(FolderStorage& storage, const Experiment& experiment, const ArmResult& result);

/// Where all islands start after pretraining, so that a resumed run need not do it again.
void write_start(FolderStorage& storage, const Experiment& experiment, const ArmOptions& options,
                 const Pretraining& pretraining);
void read_start(FolderStorage& storage, const std::string& where, const ParameterLayout& layout,
                Pretraining& pretraining);

/// The newest checkpoint of a round that is whole; nothing if there is none. `say` is told of those
/// that are damaged.
std::optional<SavedRound> newest_saved_round(
    FolderStorage& storage, const std::string& where, const ParameterLayout& layout,
    const std::function<void(const std::string& line)>& say);

inline constexpr const char* kFinalCheckpoint = "final";
inline constexpr const char* kStartCheckpoint = "start";

}  // namespace strait
