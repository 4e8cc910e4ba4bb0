// Recorder: what `strait run --record DIR` writes, so that other software can repeat each inner and
// each outer step of a run on its own. Meant for small runs; batches stay in memory until finish().
//
//   DIR/manifest.json, initial.safetensors, inner_state.safetensors (after pretraining)
//   DIR/island_000/batches.safetensors, steps.csv
//   DIR/round_0001/island_000.safetensors, shared.safetensors, members.csv
//
// Parameters are written by name, without the flat buffer's padding. Every file is there completely
// or not at all.
//
// Thread: an island's thread calls batch(), step() and boundary() with its own number only, so
// nothing is shared; the other calls come one at a time, finish() when all islands are done.
// Errors: UserError if DIR is not empty or cannot be written.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/train/optimizer.h"
#include "core/train/parameter_layout.h"
#include "core/train/safetensors.h"

namespace strait {

/// Goes to manifest.json as it is; the decayed parameters are added from the layout.
struct RecordManifest {
  struct Model {
    std::int64_t layers = 0;
    std::int64_t width = 0;
    std::int64_t heads = 0;
    std::int64_t head_size = 0;
    std::int64_t vocabulary = 0;
    std::int64_t context = 0;
    double init_std = 0;  // the value used, not the 0 that chooses one
  };
  Model model;
  InnerOptions inner;
  OuterOptions outer;
  std::int32_t islands = 0;
  std::int64_t inner_steps_per_round = 0;
  std::int64_t rounds = 0;
  std::int64_t pretrain_steps = 0;
  std::string strategy;
  std::string codec;
  std::string missed_round_policy;
  std::string at_outer_step = "keep";  // of the inner optimizer's state
  std::string weights = "uniform";     // what contributions count by
};

/// One inner step of an island.
struct StepRow {
  std::int64_t step = 0;   // of the island, from 0: the steps it has made
  std::int64_t round = 0;  // the first boundary file that contains the step
  double lr = 0;
  double loss = 0;       // before the update
  double grad_norm = 0;  // before clipping
};

/// How an island took part in a round.
struct MemberRow {
  std::int32_t island = 0;
  bool contributed = false;
  bool received = false;  // its next inner step starts from this round's shared parameters
  double weight = 0;      // sums to 1 over those that contributed
};

class Recorder {
 public:
  /// `layout` outlives the recorder. Creates the folder and writes the manifest.
  Recorder(std::string folder, const RecordManifest& manifest, const ParameterLayout& layout);
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  /// Shared parameters before the first round.
  void initial(std::span<const float> parameters);

  /// The inner optimizer's state at the branch point; only after pretraining.
  void inner_state(std::span<const InnerOptimizer::State> states, std::int64_t steps);

  /// The batch of the island's next step, [sequences, context] each.
  void batch(std::int32_t island, std::span<const std::int64_t> inputs,
             std::span<const std::int64_t> targets);

  /// In order. Later than its batch, since losses are read once a round.
  void step(std::int32_t island, const StepRow& row);

  /// This island's parameters at the boundary of `round` (from 1), before anything is exchanged.
  void boundary(std::int64_t round, std::int32_t island, std::span<const float> parameters);

  /// Shared parameters after the outer step.
  void shared(std::int64_t round, std::span<const float> parameters);

  /// One row for every island.
  void members(std::int64_t round, std::span<const MemberRow> rows);

  /// Writes each island's batches and steps.
  void finish();

 private:
  struct Island {
    std::vector<std::int64_t> inputs;
    std::vector<std::int64_t> targets;
    std::int64_t sequences = 0;  // per batch
    std::vector<StepRow> steps;
  };

  Island& at(std::int32_t island);
  std::string folder_of_round(std::int64_t round) const;  // created if need be
  void write_parameters(const std::string& path, std::span<const float> parameters) const;
  void write_batches(const std::string& folder, const Island& island) const;

  std::string folder_;
  const ParameterLayout& layout_;
  std::int64_t context_;
  std::vector<Island> islands_;  // each touched by its own thread only, until finish()
};

}  // namespace strait
