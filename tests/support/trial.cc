#include "tests/support/trial.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <limits>

#include "core/base/storage.h"

namespace strait {

RunConfig small_quadratic() {
  RunConfig config;
  config.run = {.islands = 4, .rounds = 4, .inner_steps = 5, .seed = 7};
  config.task.name = "quadratic";
  config.quadratic.size = 2000;
  config.inner = {.optimizer = "sgd", .lr = 0.2, .weight_decay = 0, .clip_norm = 0};
  config.pretrain.steps = 0;
  config.network.kind = "pipe";
  config.compute.step = std::chrono::milliseconds(10);
  config.eval.every = 2;
  return config;
}

Trial::Trial(const RunConfig& settings, const WrappedTasks::Wrap& wrap, const AccessLink& line,
             std::vector<NetworkEvent> events)
    : config(filled_in(settings)) {
  validate_but_files();
  tasks_ = make_task_source(config, "");
  if (wrap) tasks_ = std::make_unique<WrappedTasks>(std::move(tasks_), wrap);
  const auto islands = static_cast<std::size_t>(config.run.islands);
  network_ = describe_network(std::vector<AccessLink>(islands, line), std::move(events));
}

ArmResult Trial::arm(const std::string& strategy) const {
  return arm(strategy, config.run.islands);
}

ArmResult Trial::arm(const std::string& strategy, int islands, const Checkpoint* start,
                     IslandObserver* observer) const {
  ArmResult result = tried(strategy, islands, start, observer);
  if (result.failure) std::rethrow_exception(result.failure);
  return result;
}

ArmResult Trial::tried(const std::string& strategy, int islands, const Checkpoint* start,
                       IslandObserver* observer) const {
  SimulatedStorage journal;
  return run_arm(experiment(), {strategy, strategy, islands, config.inner.lr}, start, journal, {},
                 observer);
}

void Trial::check(const std::string& strategy, int islands) const {
  check_islands(experiment(), {strategy, strategy, islands, config.inner.lr});
}

Pretraining Trial::pretrained() const { return pretrain(experiment(), {}); }

Nanos Trial::price(std::int64_t first_step, std::int64_t steps, std::int64_t elements) const {
  return price_data_parallel(experiment(), first_step, steps, elements);
}

void Trial::validate_but_files() const {
  RunConfig with_files = config;
  with_files.network.links = "none";
  validate(with_files);
}

Experiment Trial::experiment() const {
  const NetworkSettings& n = config.network;
  NetworkDescription network = network_;
  if (!own.empty()) network.islands = own;
  return {
      config,
      *tasks_,
      {.islands = config.run.islands,
       .description = std::move(network),
       .emulated = {.tcp = {.congestion = congestion_of(n.tcp),
                            .mss = n.mss,
                            .header = n.header_bytes,
                            .window_cap = n.window,
                            .idle_restart = n.idle_restart},
                    .queue = n.queue,
                    .send_buffer = n.send_buffer}},
  };
}

void Notes::at_boundary(IslandId island, std::uint32_t round, std::span<const float> own) {
  const std::lock_guard lock(mutex_);
  own_[{round, island}].assign(own.begin(), own.end());
}

void Notes::round_done(const IslandRound& round, std::span<const float> shared) {
  const std::lock_guard lock(mutex_);
  rounds_[{round.round, round.island}] = round;
  shared_[{round.round, round.island}].assign(shared.begin(), shared.end());
  shared_after_[{round.boundary.round, round.island}].assign(shared.begin(), shared.end());
}

const Notes::Buffer& Notes::own(std::uint32_t round, IslandId island) const {
  return own_.at({round, island});
}
const Notes::Buffer& Notes::shared(std::uint32_t round, IslandId island) const {
  return shared_.at({round, island});
}
const Notes::Buffer& Notes::shared_after(std::uint32_t round, IslandId island) const {
  return shared_after_.at({round, island});
}
bool Notes::has_shared_after(std::uint32_t round, IslandId island) const {
  return shared_after_.count({round, island}) > 0;
}
const IslandRound& Notes::round(std::uint32_t round, IslandId island) const {
  return rounds_.at({round, island});
}

std::vector<int> missing(const ArmResult& result) {
  std::vector<int> counts;
  for (std::size_t r = 1; r < result.rows.size(); ++r) counts.push_back(result.rows[r].missing);
  return counts;
}

std::ptrdiff_t count(const ArmResult& result, TraceKind kind) {
  return std::count_if(result.events.begin(), result.events.end(),
                       [&](const TraceRecord& event) { return event.kind == kind; });
}

std::vector<float> initial_values(const Trial& trial) {
  const auto task = trial.tasks().make();
  task->initialize();
  return {task->parameters().begin(), task->parameters().end()};
}

double largest_difference(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(double{a[i]} - double{b[i]});
    if (std::isnan(difference)) return std::numeric_limits<double>::infinity();
    worst = std::max(worst, difference);
  }
  return worst;
}

double relative_difference(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += (double{a[i]} - double{b[i]}) * (double{a[i]} - double{b[i]});
    size += double{b[i]} * double{b[i]};
  }
  return std::sqrt(difference / size);
}

}  // namespace strait
