// Pretraining and the branch point: one model on everybody's batches, handed out, trained on.
#include <set>

#include "core/train/flat_math.h"
#include "tests/support/catch.h"
#include "tests/support/floats.h"
#include "tests/support/trial.h"

namespace strait {
namespace {

RunConfig settings(const std::string& optimizer) {
  RunConfig config = small_quadratic();
  config.inner.optimizer = optimizer;
  if (optimizer == "adamw") {
    config.inner.lr = 0.05;
    config.inner.weight_decay = 0.1;
    config.inner.clip_norm = 1;
  }
  config.pretrain.steps = 15;  // three rounds' worth
  return config;
}

/// One island that sees the mean of `islands` islands' batches.
class MeanOfIslands final : public TaskWrapper {
 public:
  MeanOfIslands(std::unique_ptr<Task> task, int islands)
      : TaskWrapper(std::move(task)), islands_(islands) {}

  StepWork accumulate_gradient(BatchKey key, float scale) override {
    StepWork work;
    for (IslandId i = 0; i < islands_; ++i) {
      work = TaskWrapper::accumulate_gradient({i, key.step},
                                              scale * static_cast<float>(1.0 / islands_));
    }
    return work;
  }
  std::vector<double> take_losses() override {
    const auto all = TaskWrapper::take_losses();
    std::vector<double> means;
    const auto k = static_cast<std::size_t>(islands_);
    for (std::size_t step = 0; step < all.size() / k; ++step) {
      double sum = 0;
      for (std::size_t i = 0; i < k; ++i) sum += all[step * k + i] / islands_;
      means.push_back(sum);
    }
    return means;
  }

 private:
  int islands_;
};

WrappedTasks::Wrap mean_of(int islands) {
  return [islands](std::unique_ptr<Task> task) {
    return std::make_unique<MeanOfIslands>(std::move(task), islands);
  };
}

TEST_CASE("pretraining is plain training on the mean of the islands' batches", "[pretraining]") {
  for (const std::string optimizer : {"sgd", "adamw"}) {
    const RunConfig config = settings(optimizer);
    const Pretraining pretraining = Trial(config).pretrained();

    // The same number of steps in all, as rounds only: the schedule is the same.
    RunConfig plain_config = config;
    plain_config.pretrain.steps = 0;
    plain_config.run.rounds += 3;
    const Trial plain(plain_config, mean_of(4));
    Notes notes;
    const ArmResult all = plain.arm("local", 1, nullptr, &notes);
    INFO(optimizer);
    CHECK(same_bits(pretraining.checkpoint.parameters, notes.own(3, 0)));
    CHECK(pretraining.loss == Approx(notes.round(3, 0).steps.back().loss).epsilon(1e-12));
    CHECK(pretraining.checkpoint.steps == 15);
    CHECK(pretraining.checkpoint.inner_state.size() == (optimizer == "adamw" ? 2 : 0));

    // And what branches off goes on as if there had been no branch: parameters, inner state, step
    // numbers, batches and learning rate.
    const ArmResult rest = Trial(config, mean_of(4)).arm("local", 1, &pretraining.checkpoint);
    CHECK(same_bits(rest.shared, all.shared));
  }
}

TEST_CASE("the learning rate goes on over the branch point", "[pretraining]") {
  for (const std::string strategy : {"diloco", "data_parallel", "local"}) {
    const RunConfig config = settings("adamw");
    const Trial trial(config);
    const Checkpoint checkpoint = trial.pretrained().checkpoint;
    Notes notes;
    trial.arm(strategy, 4, &checkpoint, &notes);
    const Schedule schedule = schedule_of(trial.config, config.inner.lr);
    CHECK(schedule.steps == 15 + 4 * 5);
    std::int64_t step = 15;
    for (std::uint32_t round = 1; round <= 4; ++round) {
      for (const StepRecord& record : notes.round(round, 2).steps) {
        INFO(strategy << ", step " << step);
        CHECK(record.step == step);
        CHECK(record.lr == schedule.rate(step));
        ++step;
      }
    }
    CHECK(step == schedule.steps);
    // No restart: warm-up (the first tenth) is over, and the rate only falls.
    CHECK(schedule.rate(15) < schedule.rate(14));
    CHECK(schedule.rate(15) > 0.9 * schedule.rate(14));
  }
}

/// Tells at its end what its parameters were.
class LastWords final : public TaskWrapper {
 public:
  LastWords(std::unique_ptr<Task> task, std::function<void(std::uint64_t)> say)
      : TaskWrapper(std::move(task)), say_(std::move(say)) {}
  ~LastWords() override { say_(hash_floats(parameters())); }

 private:
  std::function<void(std::uint64_t)> say_;
};

TEST_CASE("after the hand-out every island has the checkpoint", "[pretraining]") {
  for (const std::string network : {"pipe", "emulated"}) {
    RunConfig config = settings("adamw");
    config.network.kind = network;
    std::mutex mutex;
    std::vector<std::uint64_t> hashes;
    const Trial trial(config, [&](std::unique_ptr<Task> task) {
      return std::make_unique<LastWords>(std::move(task), [&](std::uint64_t hash) {
        const std::lock_guard lock(mutex);
        hashes.push_back(hash);
      });
    });
    const Pretraining pretraining = trial.pretrained();
    CHECK(hashes == std::vector(4, hash_floats(pretraining.checkpoint.parameters)));
    CHECK(hashes.at(0) != hash_floats(initial_values(trial)));
    // Computing costs every island's batch one after the other.
    CHECK(pretraining.compute_time == Nanos{15 * 4 * 10'000'000});
    if (network == "emulated") CHECK(pretraining.costs.time > pretraining.compute_time);
  }
}

using Keys = std::map<std::pair<IslandId, std::int64_t>, int>;

/// Notes which batches were asked for.
class KeyNotes final : public TaskWrapper {
 public:
  KeyNotes(std::unique_ptr<Task> task, Keys& keys, std::mutex& mutex)
      : TaskWrapper(std::move(task)), keys_(keys), mutex_(mutex) {}

  StepWork accumulate_gradient(BatchKey key, float scale) override {
    {
      const std::lock_guard lock(mutex_);
      ++keys_[{key.island, key.step}];
    }
    return TaskWrapper::accumulate_gradient(key, scale);
  }

 private:
  Keys& keys_;
  std::mutex& mutex_;
};

TEST_CASE("every strategy trains an island on the same batches", "[pretraining]") {
  RunConfig config = settings("sgd");
  std::mutex mutex;
  Keys keys;
  const Trial trial(config, [&](std::unique_ptr<Task> task) {
    return std::make_unique<KeyNotes>(std::move(task), keys, mutex);
  });
  const auto expected = [](std::int64_t first, std::int64_t end) {
    Keys all;
    for (IslandId island = 0; island < 4; ++island) {
      for (std::int64_t step = first; step < end; ++step) all[{island, step}] = 1;
    }
    return all;
  };
  const Checkpoint checkpoint = trial.pretrained().checkpoint;
  CHECK(keys == expected(0, 15));
  for (const std::string strategy : {"diloco", "data_parallel", "local"}) {
    keys.clear();
    trial.arm(strategy, 4, &checkpoint);
    INFO(strategy);
    CHECK(keys == expected(15, 35));
  }
  // Island 0 alone has island 0's batches.
  keys.clear();
  trial.arm("local", 1, &checkpoint);
  CHECK(keys.size() == 20);
  CHECK(keys.begin()->first == std::pair(IslandId{0}, std::int64_t{15}));
  CHECK(keys.rbegin()->first == std::pair(IslandId{0}, std::int64_t{34}));
}

}  // namespace
}  // namespace strait
