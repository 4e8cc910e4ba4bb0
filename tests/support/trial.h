// Trial: a small experiment for tests, made of the program's own parts: settings, a task and a
// network as values, without files. Its arms are those of apps/experiment/arm.h.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "apps/experiment/arm.h"

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
RunConfig small_quadratic();

/// Like the demo's lines: 20 Mbit/s each way, RTT 80 ms.
inline constexpr AccessLink kHomeLine{BytesPerSecond{2'500'000}, BytesPerSecond{2'500'000},
                                      Nanos{20'000'000}};

class Trial {
 public:
  explicit Trial(const RunConfig& settings, const WrappedTasks::Wrap& wrap = {},
                 const AccessLink& line = kHomeLine, std::vector<NetworkEvent> events = {});

  ArmResult arm(const std::string& strategy) const;
  ArmResult arm(const std::string& strategy, int islands, const Checkpoint* start = nullptr,
                IslandObserver* observer = nullptr) const;
  /// The same, with what went wrong in the result.
  ArmResult tried(const std::string& strategy, int islands, const Checkpoint* start = nullptr,
                  IslandObserver* observer = nullptr) const;
  void check(const std::string& strategy, int islands) const;

  Pretraining pretrained() const;

  /// For arms that are run otherwise. Refers to this.
  Experiment experiment() const;

  Nanos price(std::int64_t first_step, std::int64_t steps, std::int64_t elements) const;

  const TaskSource& tasks() const { return *tasks_; }

  /// Trained parameters: what travels.
  std::int64_t size() const { return tasks_->layout().count(); }

  const RunConfig config;  // filled in

  // Set before arm():
  std::vector<IslandSpec> own;  // what is special about islands

 private:
  void validate_but_files() const;

  std::unique_ptr<TaskSource> tasks_;
  NetworkDescription network_;
};

/// Notes what every island had at every boundary, and the shared parameters after it.
class Notes final : public IslandObserver {
 public:
  using Buffer = std::vector<float>;

  void at_boundary(IslandId island, std::uint32_t round, std::span<const float> own) override;
  void round_done(const IslandRound& round, std::span<const float> shared) override;

  // After the run:
  const Buffer& own(std::uint32_t round, IslandId island) const;
  const Buffer& shared(std::uint32_t round, IslandId island = 0) const;
  /// After the committed round, on an island that took part in it.
  const Buffer& shared_after(std::uint32_t round, IslandId island) const;
  /// Not of one that was killed when the round was committed, but before it could take it over.
  bool has_shared_after(std::uint32_t round, IslandId island) const;
  const IslandRound& round(std::uint32_t round, IslandId island) const;

 private:
  using Key = std::pair<std::uint32_t, IslandId>;
  std::mutex mutex_;
  std::map<Key, Buffer> own_, shared_, shared_after_;
  std::map<Key, IslandRound> rounds_;
};

/// How many islands each round was made without, from round 1 on.
std::vector<int> missing(const ArmResult& result);

/// How many events of this kind the run had.
std::ptrdiff_t count(const ArmResult& result, TraceKind kind);

/// What every island starts from without pretraining.
std::vector<float> initial_values(const Trial& trial);

double largest_difference(std::span<const float> a, std::span<const float> b);

/// |a - b| / |b| in the L2 norm.
double relative_difference(std::span<const float> a, std::span<const float> b);

}  // namespace strait
