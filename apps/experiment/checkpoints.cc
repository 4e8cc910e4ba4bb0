#include "apps/experiment/checkpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "apps/experiment/idle_tasks.h"
#include "core/base/check.h"
#include "core/base/quantities.h"
#include "core/train/flat_math.h"

namespace strait {

namespace {

constexpr std::size_t kMostOpen = 2;

std::vector<float> copy_of(std::span<const float> values) { return {values.begin(), values.end()}; }

std::vector<SavedBuffer> copy_of(const std::vector<InnerOptimizer::State>& states) {
  std::vector<SavedBuffer> copies;
  for (const auto& state : states) copies.push_back({state.name, copy_of(state.values)});
  return copies;
}

void load(const std::vector<SavedBuffer>& saved, const std::vector<InnerOptimizer::State>& to) {
  for (const auto& state : to) {
    const auto found = std::find_if(saved.begin(), saved.end(), [&](const SavedBuffer& buffer) {
      return buffer.name == state.name;
    });
    STRAIT_CHECK(found != saved.end() && found->values.size() == state.values.size(),
                 "no saved buffer {} of {} floats", state.name, state.values.size());
    std::copy(found->values.begin(), found->values.end(), state.values.begin());
  }
}

bool same(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) || a == b ||
         (a != a && b != b);
}

}  // namespace

void ArmCheckpoints::Life::came_to(Island&, std::uint32_t from, std::uint32_t to,
                                   std::span<float> shared,
                                   const std::vector<InnerOptimizer::State>& outer) {
  all_.came_to(*this, from, to, shared, outer);
}

ArmCheckpoints::ArmCheckpoints(const Experiment& x, const ArmOptions& options,
                               const TrainPlan& plan, FolderStorage& storage,
                               const SavedRound* resumed, Say say)
    : x_(x),
      blank_(blank_checkpoint(x, options, plan)),
      plan_(plan),
      every_(rounds_between_checkpoints(x.config, plan)),
      storage_(storage),
      resumed_(resumed),
      say_(std::move(say)),
      layout_(x.tasks.layout()),
      history_(static_cast<std::size_t>(options.islands)),
      lives_(static_cast<std::size_t>(options.islands)) {}

ArmCheckpoints::~ArmCheckpoints() = default;

bool ArmCheckpoints::due(std::uint32_t round) const {
  return every_ > 0 && round % every_ == 0 && round < plan_.rounds &&
         (resumed_ == nullptr || round > resumed_->title.round);
}

std::unique_ptr<ArmCheckpoints::Life> ArmCheckpoints::begin(
    IslandId island, std::unique_ptr<Task>& task, std::unique_ptr<InnerOptimizer>& optimizer) {
  const auto n = static_cast<std::size_t>(island);
  const std::lock_guard lock(mutex_);
  auto life = std::make_unique<Life>(*this, island, history_[n].lives++);
  if (resumed_ != nullptr && life->number_ < resumed_->history.at(n).lives) {
    const SavedHistory& saved = resumed_->history[n];
    const auto next = [](const auto& list, std::size_t index) {
      return index < list.size() ? &list[index] : nullptr;
    };
    life->replay_.step = idle_step(x_.config);
    life->replay_.report = [this, n, next, &saved] {
      return next(saved.reports, history_[n].reports.size());
    };
    life->replay_.evaluation = [this, n, next, &saved] {
      return next(saved.evaluations, history_[n].evaluations.size());
    };
    task = replayed(std::move(task), life->replay_);
    optimizer = replayed(std::move(optimizer), life->replay_);
  } else {
    life->replay_.idle = false;
  }
  life->task_ = task.get();
  life->optimizer_ = optimizer.get();
  lives_[n] = life.get();
  return life;
}

// --- the way of an island ---

void ArmCheckpoints::came_to(Life& life, std::uint32_t from, std::uint32_t to,
                             std::span<float> shared,
                             const std::vector<InnerOptimizer::State>& outer) {
  if (resumed_ != nullptr && from < resumed_->title.round && resumed_->title.round <= to) {
    load(to, life, shared, outer);
  }
  const std::lock_guard lock(mutex_);
  life.state_ = to;
  if (every_ == 0) return;
  for (std::uint32_t round = (from / every_ + 1) * every_; round <= to; round += every_) {
    if (!due(round)) continue;
    Open& now = open(round);
    if (to == round && (now.shared.empty() || life.island_ < now.shared_by)) {
      now.shared = copy_of(shared);
      now.outer = copy_of(outer);
      now.shared_by = life.island_;
    }
    now.islands.try_emplace({life.island_, life.number_},
                            SavedIsland{.island = life.island_,
                                        .life = life.number_,
                                        .parameters = copy_of(life.task_->parameters()),
                                        .inner = copy_of(life.optimizer_->state()),
                                        .steps = life.optimizer_->steps_taken()});
  }
}

void ArmCheckpoints::reported(const IslandRound& round) {
  const auto n = static_cast<std::size_t>(round.island);
  double loss = 0;
  for (const StepRecord& step : round.steps) loss += step.loss;
  const std::lock_guard lock(mutex_);
  Life& life = *lives_[n];
  auto& reports = history_[n].reports;
  reports.push_back({.loss = loss, .finite = round.boundary.finite, .now = round.now});
  if (resumed_ != nullptr) verify(round, reports.size() - 1);
  const auto count = static_cast<std::int64_t>(reports.size());
  if (life.replay_.idle) {
    const SavedIsland* const own = saved_of(life);
    if (own != nullptr && own->reports == count) load_own(*own, life);
    if (life.replay_.idle && life.state_ >= resumed_->title.round) {
      leads_elsewhere(fmt::format("island {} goes on from round {}, which it had not come to",
                                  round.island, life.state_));
    }
  }
  life.reported_state_ = life.state_;
  for (auto& [at, now] : open_) {
    if (!now.row || life.state_ >= at) continue;
    now.islands.try_emplace({life.island_, life.number_},
                            SavedIsland{.island = life.island_,
                                        .life = life.number_,
                                        .reports = count,
                                        .parameters = copy_of(life.task_->parameters()),
                                        .inner = copy_of(life.optimizer_->state()),
                                        .steps = life.optimizer_->steps_taken()});
  }
}

void ArmCheckpoints::evaluated(IslandId island, const std::vector<Metric>& metrics) {
  const std::lock_guard lock(mutex_);
  history_[static_cast<std::size_t>(island)].evaluations.push_back(metrics);
}

void ArmCheckpoints::gone(IslandId island) {
  const std::lock_guard lock(mutex_);
  lives_[static_cast<std::size_t>(island)] = nullptr;
}

// --- going on from a checkpoint ---

const SavedIsland* ArmCheckpoints::saved_of(const Life& life) const {
  for (const SavedIsland& own : resumed_->islands) {
    if (own.island == life.island_ && own.life == life.number_) return &own;
  }
  return nullptr;
}

void ArmCheckpoints::load(std::uint32_t to, Life& life, std::span<float> shared,
                          const std::vector<InnerOptimizer::State>& outer) {
  if (to == resumed_->title.round) {
    std::copy(resumed_->shared.begin(), resumed_->shared.end(), shared.begin());
    strait::load(resumed_->outer, outer);
  }
  if (!life.replay_.idle) return;
  // Without a part it was killed before it had quite come there, and will be again.
  const SavedIsland* const own = saved_of(life);
  if (own != nullptr && own->reports == 0) load_own(*own, life);
}

void ArmCheckpoints::load_own(const SavedIsland& own, Life& life) {
  const auto& parameters = own.parameters.empty() ? resumed_->shared : own.parameters;
  std::copy(parameters.begin(), parameters.end(), life.task_->parameters().begin());
  strait::load(own.inner, life.optimizer_->state());
  life.optimizer_->set_steps_taken(own.steps);
  life.replay_.idle = false;
}

void ArmCheckpoints::verify(const IslandRound& round, std::size_t index) {
  const auto n = static_cast<std::size_t>(round.island);
  const auto& saved = resumed_->history[n].reports;
  if (index >= saved.size()) {
    if (!lives_[n]->replay_.idle) return;
    leads_elsewhere(
        fmt::format("island {} reports round {}, before which it was killed", n, round.round));
  }
  const SavedReport& then = saved[index];
  const SavedReport& now = history_[n].reports[index];
  if (then.now != now.now) {
    leads_elsewhere(fmt::format("island {}'s round {} ends at {} instead of {}", n, round.round,
                                format_duration(now.now), format_duration(then.now)));
  }
  if (then.finite != now.finite || !same(then.loss, now.loss)) {
    leads_elsewhere(fmt::format("island {}'s loss of round {} is {} instead of {}", n, round.round,
                                now.loss, then.loss));
  }
}

void ArmCheckpoints::leads_elsewhere(const std::string& what) const {
  throw RunFailed(fmt::format(
      "this run does not go the way of the one that it resumes: {}; links, events, text, the "
      "program ({} then, {} now) or the type of CPU are others",
      what, resumed_->title.program, blank_.title.program));
}

// --- taking one ---

ArmCheckpoints::Open& ArmCheckpoints::open(std::uint32_t round) {
  if (!open_.contains(round) && open_.size() == kMostOpen) {
    given_up_.push_back(open_.begin()->first);
    open_.erase(open_.begin());
  }
  return open_[round];
}

bool ArmCheckpoints::complete(std::uint32_t round, const Open& open) const {
  if (!open.row || open.shared.empty()) return false;
  return std::all_of(lives_.begin(), lives_.end(), [&](const Life* life) {
    if (life == nullptr || life->reported_state_ >= round) return true;
    const auto found = open.islands.find({life->island_, life->number_});
    return found != open.islands.end() && found->second.reports > 0;
  });
}

void ArmCheckpoints::row_done(const RoundRow& row) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = open_.find(row.round); found != open_.end()) found->second.row = row;
  }
  write_complete();
}

void ArmCheckpoints::write_complete() {
  while (true) {
    std::unique_lock lock(mutex_);
    for (const std::uint32_t round : std::exchange(given_up_, {})) {
      say_(fmt::format("WARNING: no checkpoint of round {}: an island neither goes on nor reports",
                       round));
    }
    const auto found = std::find_if(open_.begin(), open_.end(), [&](const auto& entry) {
      return complete(entry.first, entry.second);
    });
    if (found == open_.end()) return;
    auto node = open_.extract(found);
    lock.unlock();
    write(node.key(), std::move(node.mapped()));
  }
}

void ArmCheckpoints::write(std::uint32_t round, Open open) {
  SavedRound saved = blank_;
  saved.shared = std::move(open.shared);
  saved.outer = std::move(open.outer);
  saved.title.round = round;
  take_title_from(*open.row, saved.title);
  for (auto& [key, own] : open.islands) {
    if (equal_bits(own.parameters, saved.shared)) own.parameters.clear();
    saved.islands.push_back(std::move(own));
  }
  {
    const std::lock_guard lock(mutex_);
    saved.history = history_;
  }
  try {
    write_saved_round(storage_, saved_round_name(round), saved, layout_);
    prune_checkpoints(storage_, x_.config.checkpoint.keep);
  } catch (const StorageError& error) {
    say_(fmt::format("WARNING: no checkpoint of round {}: {}", round, error.what()));
  }
}

}  // namespace strait
