// Arms: the same work done by different strategies, from the same checkpoint, on the same network.
//
// pretrain() makes the checkpoint; run_arm() trains one arm from it. Both build a World of their
// own, so their bytes and seconds begin at zero.
#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/experiment/board.h"
#include "apps/experiment/outer_gradients.h"
#include "apps/experiment/task_source.h"
#include "apps/experiment/timeline.h"
#include "backends/world.h"
#include "core/config/run_config.h"
#include "core/train/compute_model.h"

namespace strait {

class ArmCheckpoints;

/// What all arms of an experiment share.
struct Experiment {
  RunConfig config;  // filled in
  const TaskSource& tasks;
  FabricOptions fabric;
  bool real = false;  // islands are processes, which may come and go at any time
  bool idle = false;  // a rehearsal: values mean nothing, and none are encoded or added
};

/// What an inner step of each island costs.
ComputeModel compute_model(const Experiment& x);

/// Where arms branch off: the shared parameters and the inner optimizer's state after pretraining.
struct Checkpoint {
  std::vector<float> parameters;
  std::vector<std::vector<float>> inner_state;  // in the order of InnerOptimizer::state()
  std::vector<std::string> inner_names;
  std::int64_t steps = 0;
};

/// What a phase or an arm cost.
struct Costs {
  Nanos time{0};  // the model's
  double wall_s = 0;
  double loop_cpu_s = 0;  // transport, emulator and adding, on the loop's thread
  std::array<Bytes, kCauses> bytes{};
  std::vector<LinkRow> links;
  std::uint64_t trace_hash = 0;
  std::int64_t trace_records = 0;
  std::optional<StreamFigures> tcp;  // over real sockets: sums over all islands, their kernels'
  std::optional<Pace> pace;          // in real time: how well it kept to the model's times
};

struct Pretraining {
  Checkpoint checkpoint;
  Costs costs;
  Nanos compute_time{0};  // until the hand-out began
  double loss = 0;        // of the last step
};

struct ArmOptions {
  std::string name;      // "diloco", "data parallel", "island 0 alone"
  std::string strategy;  // a row of the table
  int islands = 4;
  double peak_lr = 2e-3;
};

struct ArmResult {
  ArmOptions options;
  TrainPlan plan;
  std::vector<RoundRow> rows;
  std::vector<OuterGradientRow> outer_gradients;  // with eval.outer_gradients
  std::vector<Ledger::Row> ledger;
  std::vector<TraceRecord> events;  // of links, islands and rounds
  std::vector<IslandInterval> timeline;
  std::int64_t tokens = 0;            // that islands have worked on
  std::int64_t discarded_tokens = 0;  // of these: whose work came to nothing
  Costs costs;
  std::uint32_t shared_round = 0;  // the last one that an island has got to
  std::vector<float> shared;       // the shared parameters after it
  IslandId shared_by = 0;          // whose they are; the others have the same, but in `local`
  std::uint64_t parameter_hash = 0;
  std::exception_ptr failure;  // what ended the arm early; the rows until then are there
};

Pretraining pretrain(const Experiment& experiment,
                     const std::function<void(std::int64_t step)>& progress);

/// What a coordinator commits in this arm. Data parallelism needs none where all islands stay.
Commits commits_of(const Experiment& experiment, const ArmOptions& options);

/// Throws UserError if this arm cannot be run where islands come and go.
void check_islands(const Experiment& experiment, const ArmOptions& options);

/// `start` null: every island begins with the seed's initial values. `record`, if there is one,
/// hears what the board hears. What goes wrong in the run is told in the result's `failure`.
/// `checkpoints` null: none are taken, and the arm begins anew.
ArmResult run_arm(const Experiment& experiment, const ArmOptions& options, const Checkpoint* start,
                  Storage& journal, const Board::RowDone& row_done,
                  IslandObserver* record = nullptr, ArmCheckpoints* checkpoints = nullptr);

/// Virtual time of `steps` data-parallel steps that exchange `elements` floats each, without
/// training: the same messages through the same emulator.
Nanos price_data_parallel(const Experiment& experiment, std::int64_t first_step, std::int64_t steps,
                          std::int64_t elements);

/// The world of an arm, as far as the experiment says it.
WorldOptions arm_world(const Experiment& experiment, const ArmOptions& options);

Costs costs_of(const World& world, double wall_s);

/// Where each step is committed it is a round of its own.
TrainPlan train_plan(const Experiment& experiment, const ArmOptions& options,
                     const Checkpoint* start);
Schedule schedule_of(const RunConfig& config, double peak);
InnerOptions inner_options(const RunConfig& config);
OuterOptions outer_options(const RunConfig& config);

}  // namespace strait
