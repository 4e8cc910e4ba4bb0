#include "apps/experiment/real_checkpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/base/check.h"
#include "core/train/strategies/state_copy.h"

namespace strait {

namespace {

std::string no_checkpoint(std::uint32_t round, const std::string& why) {
  return fmt::format("WARNING: no checkpoint of round {}: {}", round, why);
}

}  // namespace

std::vector<std::vector<float>> flat_buffers(const SharedState& state, std::size_t count,
                                             const ParameterLayout& layout) {
  const bool fits =
      std::all_of(state.buffers.begin(), state.buffers.end(),
                  [&](const auto& values) { return std::ssize(values) == layout.count(); });
  if (!fits || state.buffers.size() != count) return {};
  std::vector<std::vector<float>> buffers(
      count, std::vector<float>(static_cast<std::size_t>(layout.size())));
  restore_state(state, layout, FlatBuffers(buffers.begin(), buffers.end()));
  return buffers;
}

RealCheckpoints::RealCheckpoints(const Experiment& x, const ArmOptions& options,
                                 const TrainPlan& plan, FolderStorage& storage)
    : keep_(x.config.checkpoint.keep),
      outer_names_(options.strategy == "diloco"
                       ? outer_state_names(static_cast<std::size_t>(
                             outer_state_buffers(x.config.outer.optimizer)))
                       : std::vector<std::string>()),
      plan_(plan),
      every_(rounds_between_checkpoints(x.config, plan)),
      blank_(blank_checkpoint(x, options, plan)),
      layout_(x.tasks.layout()),
      storage_(storage) {}

bool RealCheckpoints::due(std::uint32_t from, std::uint32_t to) const {
  return every_ > 0 && to / every_ > from / every_ && to < plan_.rounds;
}

void RealCheckpoints::take(const SharedState& state, std::uint32_t round, const RoundRow* row) {
  STRAIT_CHECK(!busy(), "a copy after round {} while another is here", round);
  auto flat = flat_buffers(state, buffers(), layout_);
  if (flat.empty()) {
    complaint_ = no_checkpoint(round, "an island has given another model");
    return;
  }
  SavedRound saved = blank_;
  saved.shared = std::move(flat[0]);
  for (std::size_t i = 0; i < outer_names_.size(); ++i) {
    saved.outer.push_back({outer_names_[i], std::move(flat[i + 1])});
  }
  saved.title.round = round;
  saved.title.step = plan_.first_step + round * plan_.steps_per_round;
  waiting_ = std::move(saved);
  if (row != nullptr) row_done(*row);
}

void RealCheckpoints::row_done(const RoundRow& row) {
  if (!waiting_ || waiting_->title.round != row.round) return;
  take_title_from(row, waiting_->title);
  write(*std::exchange(waiting_, std::nullopt));
}

void RealCheckpoints::write(SavedRound saved) {
  writing_ = std::async(std::launch::async, [this, saved = std::move(saved)] {
    const std::uint32_t round = saved.title.round;
    try {
      write_saved_round(storage_, saved_round_name(round), saved, layout_);
      prune_checkpoints(storage_, keep_);
    } catch (const StorageError& error) {
      return no_checkpoint(round, error.what());
    }
    return std::string();
  });
}

std::string RealCheckpoints::settle(bool wait) {
  if (wait && waiting_) write(*std::exchange(waiting_, std::nullopt));
  using namespace std::chrono_literals;
  const bool over =
      writing_.valid() && (wait || writing_.wait_for(0s) == std::future_status::ready);
  if (over) {
    const std::string told = writing_.get();
    if (!told.empty()) complaint_ = told;
  }
  return std::exchange(complaint_, {});
}

}  // namespace strait
