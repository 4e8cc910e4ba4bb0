#include "apps/experiment/saved_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/output/build_info.h"
#include "core/base/errors.h"
#include "core/train/data/tokenizer.h"

namespace strait {

SavedRound blank_checkpoint(const Experiment& x, const ArmOptions& options, const TrainPlan& plan) {
  const auto tokenizer = x.tasks.tokenizer();
  SavedRound blank{.title = {.arm = options.name,
                             .strategy = options.strategy,
                             .rounds = plan.rounds,
                             .settings = hex(settings_hash(x.config)),
                             .data = x.tasks.data_hash(),
                             .program = build_info().commit},
                   .shared = {},
                   .outer = {},
                   .islands = {},
                   .history = {},
                   .tokenizer = tokenizer != nullptr ? tokenizer_json(*tokenizer) : std::string()};
  if (x.config.task.name == "language") blank.title.gpt = gpt_of(x.config);
  return blank;
}

void take_title_from(const RoundRow& row, SavedTitle& title) {
  title.step = row.step;
  title.time = row.time;
  title.loss = row.loss;
  if (!row.held_out.empty()) title.held_out = row.held_out.front().value;
}

std::uint32_t rounds_between_checkpoints(const RunConfig& config, const TrainPlan& plan) {
  return static_cast<std::uint32_t>(config.checkpoint.every * config.run.inner_steps /
                                    plan.steps_per_round);
}

void prune_checkpoints(FolderStorage& storage, std::int64_t keep) {
  const std::vector<std::string> names = saved_rounds(storage);
  const auto newest = static_cast<std::size_t>(keep);
  if (names.size() <= newest) return;
  std::string best;
  double least = 0;
  for (const std::string& name : names) {
    try {
      const auto held_out = read_saved_manifest(storage, "checkpoints", name).title.held_out;
      if (!held_out || (!best.empty() && !(*held_out < least))) continue;
      best = name;
      least = *held_out;
    } catch (const StorageError&) {
      throw;
    } catch (const UserError&) {
      // A damaged one is not the best.
    }
  }
  for (std::size_t i = 0; i + newest < names.size(); ++i) {
    if (names[i] != best) remove_saved_round(storage, names[i]);
  }
}

void write_final(FolderStorage& storage, const Experiment& x, const ArmResult& result) {
  SavedRound saved = blank_checkpoint(x, result.options, result.plan);
  saved.shared = result.shared;
  saved.title.round = result.shared_round;
  const auto row = std::find_if(result.rows.begin(), result.rows.end(),
                                [&](const RoundRow& r) { return r.round == result.shared_round; });
  if (row != result.rows.end()) take_title_from(*row, saved.title);
  write_saved_round(storage, kFinalCheckpoint, saved, x.tasks.layout());
}

void write_start(FolderStorage& storage, const Experiment& x, const ArmOptions& options,
                 const Pretraining& pretraining) {
  const Checkpoint& start = pretraining.checkpoint;
  SavedRound saved = blank_checkpoint(x, options, train_plan(x, options, &start));
  saved.shared = start.parameters;
  saved.title.step = start.steps;
  saved.title.loss = pretraining.loss;
  SavedIsland& all = saved.islands.emplace_back();
  all.steps = start.steps;
  for (std::size_t i = 0; i < start.inner_state.size(); ++i) {
    all.inner.push_back({start.inner_names[i], start.inner_state[i]});
  }
  write_saved_round(storage, kStartCheckpoint, saved, x.tasks.layout());
}

void read_start(FolderStorage& storage, const std::string& where, const ParameterLayout& layout,
                Pretraining& pretraining) {
  SavedRound saved = read_saved_round(storage, where, kStartCheckpoint, layout);
  Checkpoint& start = pretraining.checkpoint;
  start = {.parameters = std::move(saved.shared), .inner_state = {}, .inner_names = {}};
  start.steps = saved.islands.at(0).steps;
  for (SavedBuffer& buffer : saved.islands.at(0).inner) {
    start.inner_names.push_back(std::move(buffer.name));
    start.inner_state.push_back(std::move(buffer.values));
  }
  pretraining.loss = saved.title.loss.value_or(0);
}

std::optional<SavedRound> newest_saved_round(
    FolderStorage& storage, const std::string& where, const ParameterLayout& layout,
    const std::function<void(const std::string& line)>& say) {
  std::vector<std::string> names = saved_rounds(storage);
  std::reverse(names.begin(), names.end());
  for (const std::string& name : names) {
    try {
      return read_saved_round(storage, where, name, layout);
    } catch (const UserError& error) {
      say(fmt::format("WARNING: {}; the checkpoint before it is tried", error.what()));
    }
  }
  return std::nullopt;
}

}  // namespace strait
