// ArmCheckpoints: takes checkpoints of an arm while it runs, and lets one go on from a checkpoint.
//
// Nothing of the emulated network is saved. A resumed arm begins at virtual time 0 and goes the
// same way again (replay.h) until each island comes to where it was saved: where its shared
// parameters come to those after the checkpoint's round (RoundKeeper), by taking part or by
// catching up. An island that is still behind when the round's row is done is saved at its next
// boundary instead; it will catch up past the round before it contributes again. So times, bytes,
// rows and parameters are those of a run that was never interrupted. That is verified: every report
// of the replay has to come at the saved time, else the run ends.
//
// A checkpoint is written when its row is done and all islands that live are saved. An island that
// can neither go on nor report (silent in an exchange, say) holds checkpoints up: of those that
// wait the older are given up, so that at most two of them take memory (a copy of the parameters
// and of the inner optimizer's state per island).
//
// Thread: begin(), reported() and evaluated() on the island's, the others on the loop's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/experiment/arm.h"
#include "apps/experiment/replay.h"
#include "apps/experiment/saved_run.h"

namespace strait {

class ArmCheckpoints {
 public:
  using Say = std::function<void(const std::string& line)>;

  /// All of what is given outlives this. `resumed` null: the arm begins anew. A disk that refuses a
  /// checkpoint is told by `say`; the run goes on.
  ArmCheckpoints(const Experiment& experiment, const ArmOptions& options, const TrainPlan& plan,
                 FolderStorage& storage, const SavedRound* resumed, Say say);
  ~ArmCheckpoints();
  ArmCheckpoints(const ArmCheckpoints&) = delete;
  ArmCheckpoints& operator=(const ArmCheckpoints&) = delete;

  /// One life of an island: the keeper of its strategy. Not longer than its task and optimizer.
  class Life;

  /// Puts replayed ones in the place of both, if this life was there before.
  std::unique_ptr<Life> begin(IslandId island, std::unique_ptr<Task>& task,
                              std::unique_ptr<InnerOptimizer>& optimizer);

  /// Throws RunFailed if the replay leads elsewhere.
  void reported(const IslandRound& round);
  void evaluated(IslandId island, const std::vector<Metric>& metrics);

  void row_done(const RoundRow& row);
  void write_complete();

 private:
  /// A checkpoint that is being collected.
  struct Open {
    std::vector<float> shared;  // of the lowest island that took part
    std::vector<SavedBuffer> outer;
    IslandId shared_by = 0;
    std::map<std::pair<IslandId, int>, SavedIsland> islands;
    std::optional<RoundRow> row;
  };

  bool due(std::uint32_t round) const;
  void gone(IslandId island);
  void came_to(Life& life, std::uint32_t from, std::uint32_t to, std::span<float> shared,
               const std::vector<InnerOptimizer::State>& outer);
  void load(std::uint32_t to, Life& life, std::span<float> shared,
            const std::vector<InnerOptimizer::State>& outer);
  void load_own(const SavedIsland& own, Life& life);
  const SavedIsland* saved_of(const Life& life) const;
  void verify(const IslandRound& round, std::size_t index);
  Open& open(std::uint32_t round);
  bool complete(std::uint32_t round, const Open& open) const;
  void write(std::uint32_t round, Open open);
  [[noreturn]] void leads_elsewhere(const std::string& what) const;

  const Experiment& x_;
  const SavedRound blank_;
  const TrainPlan plan_;
  const std::uint32_t every_;  // rounds of the plan; 0: none
  FolderStorage& storage_;
  const SavedRound* const resumed_;
  const Say say_;
  const ParameterLayout layout_;
  std::mutex mutex_;  // guards what follows
  std::vector<SavedHistory> history_;
  std::vector<Life*> lives_;  // by island; null: it is not there
  std::map<std::uint32_t, Open> open_;
  std::vector<std::uint32_t> given_up_;  // and not told yet
};

class ArmCheckpoints::Life final : public RoundKeeper {
 public:
  Life(ArmCheckpoints& all, IslandId island, int number)
      : all_(all), island_(island), number_(number) {}
  ~Life() override { all_.gone(island_); }
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  void came_to(Island& island, std::uint32_t from, std::uint32_t to, std::span<float> shared,
               const std::vector<InnerOptimizer::State>& outer) override;

 private:
  friend class ArmCheckpoints;

  ArmCheckpoints& all_;
  const IslandId island_;
  const int number_;
  Replay replay_;
  Task* task_ = nullptr;
  InnerOptimizer* optimizer_ = nullptr;
  std::uint32_t state_ = 0;           // the round whose shared parameters it has
  std::uint32_t reported_state_ = 0;  // the same, at its last report
};

}  // namespace strait
