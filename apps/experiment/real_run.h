// One peer's part of an arm whose islands are processes, by the wall clock.
//
// The coordinator's process decides the rounds and keeps the board: islands tell it what the board
// of an emulated run hears directly. So the rows, the ledger and the verdict of a real run are made
// by the same code. Only the times are its own: a row's time is when the coordinator heard of it.
// So is the model: it is in the islands' processes, and the coordinator asks one of them for a
// copy.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "apps/experiment/arm.h"

namespace strait {

/// How far a run is, for those who still come. Of the coordinator's process, on its loop.
struct RealState {
  std::uint32_t committed = 0;
  std::set<IslandId> begun;  // islands that have been there

  /// The island comes when the others have begun without it, or for another time.
  bool joins(IslandId island) const { return committed > 0 || begun.contains(island); }
};

/// How a process takes part in a real run.
struct RealPeer {
  PeerId self{};
  std::uint64_t run_id = 0;
  std::uint64_t incarnation = 1;
  bool joins = false;
  /// The network to the others, on the run's loop.
  std::function<std::unique_ptr<Fabric>(Loop&, Trace&)> network;
  std::function<void(const std::string& line)> say;  // for people
  std::shared_ptr<RealState> state;                  // the coordinator's
};

/// Throws UserError if this run is nothing for real islands.
void check_real(const RunConfig& config);

/// Returns when all islands that were there have ended, with a copy of the shared parameters: got
/// from one of them after the last round, and in no table, as it costs a run in one process
/// nothing. `pretrained` is told of the pretraining, if there is one. `checkpoints` null: no copies
/// are kept on the way.
ArmResult coordinate_arm(const Experiment& experiment, const ArmOptions& options,
                         const RealPeer& peer, Storage& journal, const Board::RowDone& row_done,
                         const std::function<void(const Pretraining&)>& pretrained,
                         FolderStorage* checkpoints);

/// What an island's process has to show at its end.
struct IslandEnd {
  std::uint32_t round = 0;  // whose shared parameters it has
  std::uint64_t shared_hash = 0;
  Costs costs;  // its own bytes
};

/// Says a line per round.
IslandEnd run_island(const Experiment& experiment, const ArmOptions& options, const RealPeer& peer);

}  // namespace strait
