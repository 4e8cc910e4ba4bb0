#include "apps/experiment/checkpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "apps/experiment/idle_tasks.h"
#include "apps/output/build_info.h"
#include "core/base/check.h"
#include "core/base/quantities.h"
#include "core/train/data/tokenizer.h"
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

/// What every checkpoint of an arm says of itself.
SavedTitle title_of(const Experiment& x, const ArmOptions& options, const TrainPlan& plan) {
  SavedTitle title{.arm = options.name,
                   .strategy = options.strategy,
                   .rounds = plan.rounds,
                   .settings = hex(settings_hash(x.config)),
                   .data = x.tasks.data_hash(),
                   .program = build_info().commit};
  if (x.config.task.name == "language") title.gpt = gpt_of(x.config);
  return title;
}

std::string tokenizer_of(const Experiment& x) {
  const auto tokenizer = x.tasks.tokenizer();
  return tokenizer != nullptr ? tokenizer_json(*tokenizer) : std::string();
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
      title_(title_of(x, options, plan)),
      tokenizer_(tokenizer_of(x)),
      plan_(plan),
      // Where each step is a round of its own, as many steps.
      every_(static_cast<std::uint32_t>(x.config.checkpoint.every * x.config.run.inner_steps /
                                        plan.steps_per_round)),
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
      what, resumed_->title.program, title_.program));
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
  SavedRound saved{.title = title_,
                   .shared = std::move(open.shared),
                   .outer = std::move(open.outer),
                   .islands = {},
                   .history = {},
                   .tokenizer = tokenizer_};
  saved.title.round = round;
  saved.title.step = open.row->step;
  saved.title.time = open.row->time;
  saved.title.loss = open.row->loss;
  if (!open.row->held_out.empty()) saved.title.held_out = open.row->held_out.front().value;
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
    prune();
  } catch (const StorageError& error) {
    say_(fmt::format("WARNING: no checkpoint of round {}: {}", round, error.what()));
  }
}

/// Keeps the newest ones, and the best.
void ArmCheckpoints::prune() {
  const std::vector<std::string> names = saved_rounds(storage_);
  const auto keep = static_cast<std::size_t>(x_.config.checkpoint.keep);
  if (names.size() <= keep) return;
  std::string best;
  double least = 0;
  for (const std::string& name : names) {
    try {
      const auto held_out = read_saved_manifest(storage_, "checkpoints", name).title.held_out;
      if (!held_out || (!best.empty() && !(*held_out < least))) continue;
      best = name;
      least = *held_out;
    } catch (const StorageError&) {
      throw;
    } catch (const UserError&) {
      // A damaged one is not the best.
    }
  }
  for (std::size_t i = 0; i + keep < names.size(); ++i) {
    if (names[i] != best) remove_saved_round(storage_, names[i]);
  }
}

// --- the run's begin and end ---

void write_final(FolderStorage& storage, const Experiment& x, const ArmResult& result) {
  SavedRound saved{.title = title_of(x, result.options, result.plan),
                   .shared = result.shared,
                   .outer = {},
                   .islands = {},
                   .history = {},
                   .tokenizer = tokenizer_of(x)};
  saved.title.round = result.shared_round;
  const auto row = std::find_if(result.rows.begin(), result.rows.end(),
                                [&](const RoundRow& r) { return r.round == result.shared_round; });
  if (row != result.rows.end()) {
    saved.title.step = row->step;
    saved.title.time = row->time;
    saved.title.loss = row->loss;
    if (!row->held_out.empty()) saved.title.held_out = row->held_out.front().value;
  }
  write_saved_round(storage, kFinalCheckpoint, saved, x.tasks.layout());
}

void write_start(FolderStorage& storage, const Experiment& x, const ArmOptions& options,
                 const Pretraining& pretraining) {
  const Checkpoint& start = pretraining.checkpoint;
  SavedRound saved{.title = title_of(x, options, train_plan(x, options, &start)),
                   .shared = start.parameters,
                   .outer = {},
                   .islands = {},
                   .history = {},
                   .tokenizer = tokenizer_of(x)};
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

std::optional<SavedRound> newest_saved_round(FolderStorage& storage, const std::string& where,
                                             const ParameterLayout& layout,
                                             const ArmCheckpoints::Say& say) {
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
