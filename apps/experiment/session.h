// Session: one run of the program from its settings to the verdict: banner, run folder,
// pretraining, arms, lines while it runs, and the files that stay.
#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/experiment/arm.h"
#include "apps/experiment/checkpoints.h"
#include "apps/experiment/real_run.h"
#include "apps/experiment/verdict.h"
#include "apps/output/metrics_csv.h"
#include "apps/output/progress.h"
#include "core/base/interrupt.h"
#include "core/config/load.h"

namespace strait {

class Session {
 public:
  /// Reads text and network and finds the user's mistakes; makes the run folder last. `deps` is the
  /// folder of the set-up. `coordinator`: the islands of the one arm are processes elsewhere.
  /// `resumed`: the folder of a run of these settings that goes on; empty: a new run. `out`: where
  /// everything is told.
  Session(const LoadedConfig& loaded, const std::vector<ArmOptions>& arms, const std::string& deps,
          std::optional<RealPeer> coordinator = std::nullopt, const std::string& resumed = {},
          std::FILE* out = stdout);

  /// Runs the arms one after the other and writes everything. With a record folder, the first arm
  /// is recorded.
  void run();

  /// Where the files are.
  const std::string& folder() const { return folder_; }

 private:
  void prepare_checkpoints();
  void resume();
  void run_pretraining();
  bool replay_pretraining();
  void run_one(const ArmOptions& options);
  ArmResult run_somewhere(const ArmOptions& options, Storage& journal, const Checkpoint* start,
                          const Board::RowDone& row_done, IslandObserver* record,
                          ArmCheckpoints* checkpoints);
  std::string checkpoints_folder() const { return folder_ + "/checkpoints"; }
  void say_pretraining();
  void show_row(const ArmResult& arm, const RoundRow& row);
  void write_model();
  void add_metrics(const ArmResult& arm);
  void write_tables();
  void write_verdict();
  void write_verdict_files(VerdictInput& input);
  [[noreturn]] void stop(const Interrupted& interrupted);
  std::vector<BannerSection> banner() const;
  BannerSection settings_section() const;

  std::vector<ArmOptions> arms_;
  std::unique_ptr<TaskSource> tasks_;
  LoadedConfig loaded_;
  std::optional<RealPeer> coordinator_;
  Experiment experiment_;
  const bool resumes_;
  std::string folder_;
  std::unique_ptr<FileStorage> saved_;  // the folder of checkpoints
  std::optional<SavedRound> resumed_;
  Progress progress_;
  std::optional<MetricsCsv> metrics_;
  std::optional<Pretraining> pretraining_;
  Checkpoint no_checkpoint_;  // of pretraining that is done elsewhere
  std::vector<std::unique_ptr<ArmResult>> results_;
  WallTimer timer_;
};

/// DiLoCo, data parallelism, and island 0 alone: what the demo compares.
std::vector<ArmOptions> demo_arms(const RunConfig& config);

/// What sockets the settings ask for.
SocketOptions sockets_of(const RunConfig& config);

/// The network that the settings name, read from its files. Throws UserError.
FabricOptions fabric_of(const RunConfig& config);

/// The strategy that the scenario names.
ArmOptions own_arm(const RunConfig& config);

}  // namespace strait
