// Optimizers, schedules, accumulation and evaluations as whole runs, against what can be worked
// out.
#include <cmath>
#include <mutex>
#include <set>

#include "apps/experiment/evaluation_files.h"
#include "tests/support/catch.h"
#include "tests/support/floats.h"
#include "tests/support/trial.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

/// Every island is pulled with a force of its own, the same on all parameters.
class Pull final : public TaskWrapper {
 public:
  using Force = std::function<float(BatchKey)>;

  Pull(std::unique_ptr<Task> task, Force force)
      : TaskWrapper(std::move(task)), force_(std::move(force)) {}

  void initialize() override { std::fill(parameters().begin(), parameters().end(), 0.0f); }
  StepWork accumulate_gradient(BatchKey key, float scale) override {
    const StepWork work = TaskWrapper::accumulate_gradient(key, 0);  // only for the loss
    for (const Parameter& p : layout().parameters()) {
      for (std::int64_t i = p.offset; i < p.offset + p.size; ++i) {
        gradients()[static_cast<std::size_t>(i)] += scale * force_(key);
      }
    }
    return work;
  }

 private:
  const Force force_;
};

WrappedTasks::Wrap pulled(const Pull::Force& force) {
  return [force](std::unique_ptr<Task> task) {
    return std::make_unique<Pull>(std::move(task), force);
  };
}

float steady(BatchKey key) { return 0.1f * static_cast<float>(key.island + 1); }

/// Every outer gradient is 5 steps x 0.2 x the force.
RunConfig constant_rate() {
  RunConfig config = small_quadratic();
  config.inner.schedule = "constant";
  config.inner.warmup = 0;
  return config;
}

// Delta = 5 x 0.2 x mean(0.1 ... 0.4) = 0.25 in every round, so both moments are exact.
TEST_CASE("under a constant pull outer adam moves by lr Delta / (Delta + epsilon)", "[optimizer]") {
  RunConfig config = constant_rate();
  config.outer = {.optimizer = "adam", .lr = 0.3, .epsilon = 0.1};
  Notes notes;
  const Trial trial(config, pulled(steady));
  trial.arm("diloco", 4, nullptr, &notes);
  for (std::uint32_t round = 1; round <= 4; ++round) {
    CHECK(notes.shared(round)[0] == Approx(-0.3 * 0.25 / 0.35 * round).epsilon(1e-4));
  }
}

TEST_CASE("under a constant pull sgd's way is the sum of the outer rates", "[optimizer]") {
  for (const std::string schedule : {"constant", "linear", "cosine"}) {
    RunConfig config = constant_rate();
    config.outer = {.optimizer = "sgd", .lr = 0.8, .schedule = schedule};
    Notes notes;
    const Trial trial(config, pulled(steady));
    trial.arm("diloco", 4, nullptr, &notes);
    double moved = 0;
    for (std::uint32_t round = 1; round <= 4; ++round) {
      const double t = (round - 1) / 4.0;
      if (schedule == "constant") moved += 0.8;
      if (schedule == "linear") moved += 0.8 * (1 - t);
      if (schedule == "cosine") moved += 0.4 * (1 + std::cos(M_PI * t));
      INFO(schedule << ", round " << round);
      CHECK(notes.shared(round)[0] == Approx(-0.25 * moved).epsilon(1e-5));
    }
  }
}

// Island 2 of 3 is away in rounds 2 and 3 (as in policies_test.cc), and catches up by two means, or
// by a copy of the shared parameters and both moments.
TEST_CASE("an island that has missed rounds has the others' bits under outer adam", "[optimizer]") {
  RunConfig config = constant_rate();
  config.run = {.islands = 3, .rounds = 6, .inner_steps = 2, .seed = 7};
  config.outer = {.optimizer = "adam", .lr = 0.3, .epsilon = 1e-3, .schedule = "linear"};
  config.rounds = {.quorum = 2, .grace = 500ms, .miss_after = 1s};
  config.compute = {.step = 1s, .memory_rate = kUnlimited};
  config.network.kind = "emulated";
  std::vector<std::vector<float>> ends;
  for (const int keep : {4, 0}) {
    config.rounds.keep = keep;
    const Trial trial(config, pulled(steady), {.delay = 1ms},
                      {link_event(3s, NetworkEventKind::kLinkDown, 2),
                       link_event(7500ms, NetworkEventKind::kLinkUp, 2)});
    Notes notes;
    const ArmResult result = trial.arm("diloco", 3, nullptr, &notes);
    CHECK(missing(result) == std::vector<int>{0, 1, 1, 0, 0, 0});
    CHECK(count(result, TraceKind::kCaughtUp) == 1);
    for (std::uint32_t round = 4; round <= 6; ++round) {
      CHECK(same_bits(notes.shared_after(round, 2), notes.shared_after(round, 0)));
    }
    ends.push_back(result.shared);
  }
  CHECK(same_bits(ends[0], ends[1]));
}

TEST_CASE("a step of three batches takes their mean, and reads each once", "[accumulate]") {
  for (const std::string strategy : {"diloco", "data_parallel"}) {
    std::mutex mutex;
    std::map<IslandId, std::set<std::int64_t>> read;
    RunConfig config = constant_rate();
    config.pretrain.steps = 2;
    config.inner.accumulate = 3;
    config.outer = {.optimizer = "sgd", .lr = 1};
    // The batches of a step pull with 1, 2 and 3 times the force: the mean is twice.
    const Trial trial(config, pulled([&](BatchKey key) {
                        const std::lock_guard lock(mutex);
                        read[key.island].insert(key.step);
                        return 0.1f * static_cast<float>(key.step % 3 + 1);
                      }));
    const Pretraining pretraining = trial.pretrained();
    const ArmResult result = trial.arm(strategy, 4, &pretraining.checkpoint);
    INFO(strategy);
    CHECK(result.shared[0] == Approx(-22 * 0.2 * 0.2).epsilon(1e-5));
    CHECK(result.tokens == 4 * 20 * 3);
    CHECK(result.rows.back().held_out.size() == 2);
    for (IslandId island = 0; island < 4; ++island) {
      CHECK(read[island].size() == 22 * 3);
      CHECK(*read[island].rbegin() == 22 * 3 - 1);
    }
  }
}

// Gradients halve from step to step. A first AdamW step moves by lr whatever the gradient is; later
// ones move by more, as the mean remembers larger gradients than the last one.
TEST_CASE("the inner state is kept at outer steps, or as fresh as at the start", "[optimizer]") {
  for (const std::string fate : {"keep", "reset"}) {
    RunConfig config = constant_rate();
    config.run.inner_steps = 1;
    config.run.rounds = 6;
    config.inner.optimizer = "adamw";
    config.inner.lr = 0.01;
    config.inner.at_outer_step = fate;
    config.outer = {.optimizer = "sgd", .lr = 1};
    Notes notes;
    const Trial trial(config, pulled([](BatchKey key) {
                        return 0.5f / static_cast<float>(std::int64_t{1} << key.step);
                      }));
    trial.arm("diloco", 4, nullptr, &notes);
    double m = 0, v = 0, expected = 0;
    for (int round = 1; round <= 6; ++round) {
      const double g = 0.5 / std::pow(2, round - 1);
      if (fate == "reset") m = v = 0;
      const int t = fate == "reset" ? 1 : round;
      m = 0.9 * m + 0.1 * g;
      v = 0.95 * v + 0.05 * g * g;
      expected -=
          0.01 * m / (1 - std::pow(0.9, t)) / (std::sqrt(v / (1 - std::pow(0.95, t))) + 1e-8);
      INFO(fate << ", round " << round);
      CHECK(notes.shared(static_cast<std::uint32_t>(round))[0] == Approx(expected).epsilon(1e-4));
      if (fate == "reset") CHECK(expected == Approx(-0.01 * round).epsilon(1e-5));
    }
  }
}

TEST_CASE("islands that never talk are evaluated each, and their mean", "[evaluation]") {
  RunConfig config = small_quadratic();
  config.run.islands = 3;
  Notes notes;
  const Trial trial(config);
  const ArmResult result = trial.arm("local", 3, nullptr, &notes);
  const auto& metrics = result.rows.back().held_out;
  REQUIRE(metrics.size() == 5);
  CHECK(metrics[0].name == "loss");
  CHECK(metrics[1].name == "loss.quadratic");
  const auto task = trial.tasks().make();
  double mean = 0;
  for (IslandId island = 0; island < 3; ++island) {
    const auto n = static_cast<std::size_t>(island);
    CHECK(metrics[2 + n].name == "island_" + std::to_string(island) + ".loss");
    const double own = task->evaluate(notes.own(4, island), 0, 1).front().value;
    CHECK(metrics[2 + n].value == Approx(own).epsilon(1e-12));
    mean += own / 3;
  }
  CHECK(metrics[0].value == Approx(mean).epsilon(1e-12));
  CHECK(metrics[2].value != metrics[3].value);
}

TEST_CASE("outer gradients have the lengths and angles of their pulls", "[evaluation]") {
  RunConfig config = constant_rate();
  config.run.islands = 3;
  config.eval.outer_gradients = true;
  const Trial trial(config, pulled([](BatchKey key) {
                      constexpr float kForces[] = {0.1f, 0.3f, -0.2f};
                      return kForces[key.island];
                    }));
  const ArmResult with = trial.arm("diloco");
  REQUIRE(with.outer_gradients.size() == 4 * 6);
  const double root = std::sqrt(static_cast<double>(trial.size()));
  for (const OuterGradientRow& row : with.outer_gradients) {
    constexpr double kLengths[] = {0.1, 0.3, 0.2};  // 5 steps at 0.2
    CHECK(row.norm == Approx(kLengths[row.island] * root).epsilon(1e-5));
    const bool same = row.island == row.other || row.other != 2;
    CHECK(row.cosine == Approx(same ? 1 : -1).epsilon(1e-6));
  }
  config.eval.outer_gradients = false;
  const ArmResult without = Trial(config, pulled([](BatchKey key) {
                                    constexpr float kForces[] = {0.1f, 0.3f, -0.2f};
                                    return kForces[key.island];
                                  }))
                                .arm("diloco");
  CHECK(without.outer_gradients.empty());
  CHECK(without.parameter_hash == with.parameter_hash);
  CHECK(without.costs.trace_hash == with.costs.trace_hash);
}

TEST_CASE("evaluations of text are losses, perplexities and bits per byte", "[evaluation]") {
  std::vector<std::unique_ptr<ArmResult>> arms;
  arms.push_back(std::make_unique<ArmResult>());
  arms[0]->options.name = "local";
  arms[0]->rows.resize(2);
  arms[0]->rows[1].round = 1;
  arms[0]->rows[1].held_out = {{"loss", std::log(4)}, {"island_0.loss", std::log(2)}};
  CHECK(evaluations_csv(arms, 2) ==
        "arm,round,metric,value\n"
        "local,1,loss,1.38629436\nlocal,1,perplexity,4\nlocal,1,bits_per_byte,1\n"
        "local,1,island_0.loss,0.693147181\nlocal,1,island_0.perplexity,2\n"
        "local,1,island_0.bits_per_byte,0.5\n");
  CHECK(evaluations_csv(arms, 0) ==
        "arm,round,metric,value\nlocal,1,loss,1.38629436\nlocal,1,island_0.loss,0.693147181\n");
}

}  // namespace
}  // namespace strait
