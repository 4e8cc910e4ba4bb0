// Trial: a small experiment for tests, made of the program's own parts: settings, a task and a
// network as values, without files. Its arms are those of apps/experiment/arm.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "apps/experiment/arm.h"
#include "core/base/errors.h"
#include "core/base/storage.h"

namespace strait {

/// A Task that hands everything on to another; tests override what they change or watch.
class TaskWrapper : public Task {
 public:
  explicit TaskWrapper(std::unique_ptr<Task> task) : inner_(std::move(task)) {}

  const ParameterLayout& layout() const override { return inner_->layout(); }
  std::span<float> parameters() override { return inner_->parameters(); }
  std::span<float> gradients() override { return inner_->gradients(); }
  void initialize() override { inner_->initialize(); }
  void clear_gradients() override { inner_->clear_gradients(); }
  StepWork accumulate_gradient(BatchKey key, float scale) override {
    return inner_->accumulate_gradient(key, scale);
  }
  std::vector<double> take_losses() override { return inner_->take_losses(); }
  std::vector<Metric> evaluate(std::span<const float> values, int share, int shares) override {
    return inner_->evaluate(values, share, shares);
  }
  double bytes_per_token() const override { return inner_->bytes_per_token(); }

 private:
  std::unique_ptr<Task> inner_;
};

/// Tasks as the program makes them, each put into a wrapper.
class WrappedTasks final : public TaskSource {
 public:
  using Wrap = std::function<std::unique_ptr<Task>(std::unique_ptr<Task>)>;

  WrappedTasks(std::unique_ptr<TaskSource> source, Wrap wrap)
      : source_(std::move(source)), wrap_(std::move(wrap)) {}

  std::unique_ptr<Task> make() const override { return wrap_(source_->make()); }
  ParameterLayout layout() const override { return source_->layout(); }
  std::string data_description() const override { return source_->data_description(); }
  std::string data_hash() const override { return source_->data_hash(); }

 private:
  std::unique_ptr<TaskSource> source_;
  Wrap wrap_;
};

/// Four islands, 4 rounds of 5 steps on 2,000 parameters, over the pipe, without pretraining.
inline RunConfig small_quadratic() {
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

/// Like the demo's lines: 20 Mbit/s each way, RTT 80 ms.
inline constexpr AccessLink kHomeLine{BytesPerSecond{2'500'000}, BytesPerSecond{2'500'000},
                                      Nanos{20'000'000}};

class Trial {
 public:
  explicit Trial(const RunConfig& settings, const WrappedTasks::Wrap& wrap = {},
                 const AccessLink& line = kHomeLine, std::vector<NetworkEvent> events = {})
      : config(filled_in(settings)) {
    validate_but_files();
    tasks_ = make_task_source(config, "");
    if (wrap) tasks_ = std::make_unique<WrappedTasks>(std::move(tasks_), wrap);
    const auto islands = static_cast<std::size_t>(config.run.islands);
    network_ = describe_network(std::vector<AccessLink>(islands, line), std::move(events));
  }

  ArmResult arm(const std::string& strategy, int islands, const Checkpoint* start = nullptr,
                IslandObserver* observer = nullptr) const {
    ArmResult result = tried(strategy, islands, start, observer);
    if (result.failure) std::rethrow_exception(result.failure);
    return result;
  }
  /// The same, with what went wrong in the result.
  ArmResult tried(const std::string& strategy, int islands, const Checkpoint* start = nullptr,
                  IslandObserver* observer = nullptr) const {
    SimulatedStorage journal;
    return run_arm(experiment(), {strategy, strategy, islands, config.inner.lr}, start, journal, {},
                   observer);
  }
  void check(const std::string& strategy, int islands) const {
    check_islands(experiment(), {strategy, strategy, islands, config.inner.lr});
  }
  ArmResult arm(const std::string& strategy) const { return arm(strategy, config.run.islands); }

  Pretraining pretrained() const { return pretrain(experiment(), {}); }

  Nanos price(std::int64_t first_step, std::int64_t steps, std::int64_t elements) const {
    return price_data_parallel(experiment(), first_step, steps, elements);
  }

  const TaskSource& tasks() const { return *tasks_; }

  /// Trained parameters: what travels.
  std::int64_t size() const { return tasks_->layout().count(); }

  const RunConfig config;  // filled in

  // Set before arm():
  std::vector<IslandSpec> own;  // what is special about islands

 private:
  void validate_but_files() const {
    RunConfig with_files = config;
    with_files.network.links = "none";
    validate(with_files);
  }

  Experiment experiment() const {
    const NetworkSettings& n = config.network;
    NetworkDescription network = network_;
    if (!own.empty()) network.islands = own;
    return {
        config,
        *tasks_,
        {.islands = config.run.islands,
         .description = std::move(network),
         .emulated = {.tcp = {.mss = n.mss,
                              .header = n.header_bytes,
                              .slow_start = n.slow_start,
                              .window_cap = n.window,
                              .idle_restart = n.idle_restart},
                      .send_buffer = n.send_buffer}},
    };
  }

  std::unique_ptr<TaskSource> tasks_;
  NetworkDescription network_;
};

/// Notes what every island had at every boundary, and the shared parameters after it.
class Notes final : public IslandObserver {
 public:
  using Buffer = std::vector<float>;

  void at_boundary(IslandId island, std::uint32_t round, std::span<const float> own) override {
    const std::lock_guard lock(mutex_);
    own_[{round, island}].assign(own.begin(), own.end());
  }
  void round_done(const IslandRound& round, std::span<const float> shared) override {
    const std::lock_guard lock(mutex_);
    rounds_[{round.round, round.island}] = round;
    shared_[{round.round, round.island}].assign(shared.begin(), shared.end());
    shared_after_[{round.boundary.round, round.island}].assign(shared.begin(), shared.end());
  }

  // After the run:
  const Buffer& own(std::uint32_t round, IslandId island) const { return own_.at({round, island}); }
  const Buffer& shared(std::uint32_t round, IslandId island = 0) const {
    return shared_.at({round, island});
  }
  /// After the committed round, on an island that took part in it.
  const Buffer& shared_after(std::uint32_t round, IslandId island) const {
    return shared_after_.at({round, island});
  }
  /// Not of one that was killed when the round was committed, but before it could take it over.
  bool has_shared_after(std::uint32_t round, IslandId island) const {
    return shared_after_.count({round, island}) > 0;
  }
  const IslandRound& round(std::uint32_t round, IslandId island) const {
    return rounds_.at({round, island});
  }

 private:
  using Key = std::pair<std::uint32_t, IslandId>;
  std::mutex mutex_;
  std::map<Key, Buffer> own_, shared_, shared_after_;
  std::map<Key, IslandRound> rounds_;
};

/// What every island starts from without pretraining.
inline std::vector<float> initial_values(const Trial& trial) {
  const auto task = trial.tasks().make();
  task->initialize();
  return {task->parameters().begin(), task->parameters().end()};
}

inline double largest_difference(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(double{a[i]} - double{b[i]});
    if (std::isnan(difference)) return std::numeric_limits<double>::infinity();
    worst = std::max(worst, difference);
  }
  return worst;
}

/// |a - b| / |b| in the L2 norm.
inline double relative_difference(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += (double{a[i]} - double{b[i]}) * (double{a[i]} - double{b[i]});
    size += double{b[i]} * double{b[i]};
  }
  return std::sqrt(difference / size);
}

}  // namespace strait
