// Identities that DiLoCo (arXiv 2311.08105) names, as whole runs of the program: island, strategy,
// transport, coordinator and board, on the quadratic.
#include "tests/support/catch.h"
#include "tests/support/floats.h"
#include "tests/support/trial.h"

namespace strait {
namespace {

// Shared - 1.0 x (shared - own) is own but for one rounding a round.
TEST_CASE("diloco of one island with outer sgd at 1.0 is plain training for any H", "[identity]") {
  for (const std::string optimizer : {"sgd", "adamw"}) {
    RunConfig config = small_quadratic();
    config.inner.optimizer = optimizer;
    if (optimizer == "adamw") {
      config.inner.lr = 0.05;
      config.inner.weight_decay = 0.1;
      config.inner.clip_norm = 1;
    }
    config.outer = {.optimizer = "sgd", .lr = 1, .momentum = 0};
    config.run.rounds = 1;
    config.run.inner_steps = 60;
    const Trial plain_trial(config);
    const ArmResult plain = plain_trial.arm("local", 1);
    CHECK(largest_difference(plain.shared, initial_values(plain_trial)) > 0.5);
    for (const int inner_steps : {1, 4, 15, 60}) {
      config.run.rounds = 60 / inner_steps;
      config.run.inner_steps = inner_steps;
      const ArmResult diloco = Trial(config).arm("diloco", 1);
      INFO(optimizer << ", H = " << inner_steps);
      CHECK(largest_difference(diloco.shared, plain.shared) <= 1e-6);
      CHECK(diloco.rows.size() == static_cast<std::size_t>(config.run.rounds) + 1);
    }
  }
}

TEST_CASE("H = 1 with sgd inside and outside is data-parallel sgd after 100 steps", "[identity]") {
  RunConfig config = small_quadratic();
  config.run.rounds = 100;
  config.run.inner_steps = 1;
  config.quadratic.spread = 1;
  config.outer = {.optimizer = "sgd", .lr = 1, .momentum = 0};
  for (const int islands : {2, 3, 4}) {
    config.run.islands = islands;
    const Trial trial(config);
    const ArmResult parallel = trial.arm("data_parallel");
    INFO(islands << " islands");
    CHECK(relative_difference(trial.arm("diloco").shared, parallel.shared) <= 1e-5);
    // The test sees islands: one alone ends elsewhere.
    CHECK(relative_difference(trial.arm("local", 1).shared, parallel.shared) > 0.01);
  }
}

/// Every island is pulled with a force of its own that never changes.
/// Calls `f` for every element of the flat buffer that is no padding.
void for_each_parameter(const ParameterLayout& layout, const std::function<void(std::size_t)>& f) {
  for (const Parameter& p : layout.parameters()) {
    for (std::int64_t i = p.offset; i < p.offset + p.size; ++i) f(static_cast<std::size_t>(i));
  }
}

class ConstantPull final : public TaskWrapper {
 public:
  using TaskWrapper::TaskWrapper;

  static float force(IslandId island, std::size_t i) {
    return 0.1f * static_cast<float>(island + 1) * (i % 2 == 0 ? 1.0f : -2.0f);
  }

  StepWork accumulate_gradient(BatchKey key, float scale) override {
    const StepWork work = TaskWrapper::accumulate_gradient(key, 0);  // only for the loss
    const auto g = gradients();
    for_each_parameter(layout(), [&](std::size_t i) { g[i] += scale * force(key.island, i); });
    return work;
  }
};

// Islands' steps are known, so every outer gradient is the same Delta = H lr mean(force), and after
// t rounds the buffer is Delta (1 + m + ... + m^(t-1)).
TEST_CASE("under a constant pull the shared parameters move as Nesterov's recurrence says",
          "[identity]") {
  RunConfig config = small_quadratic();
  config.run.rounds = 8;
  config.inner.lr = 0.05;
  config.inner.warmup = 0;
  config.inner.final_lr = 1;
  config.outer = {.optimizer = "nesterov", .lr = 0.7, .momentum = 0.9};
  const Trial trial(config, [](std::unique_ptr<Task> task) {
    return std::make_unique<ConstantPull>(std::move(task));
  });
  Notes notes;
  trial.arm("diloco", 4, nullptr, &notes);
  const auto start = initial_values(trial);
  double buf = 0, moved = 0;  // in units of Delta
  for (std::uint32_t round = 1; round <= 8; ++round) {
    buf = 0.9 * buf + 1;
    moved += 0.7 * (1 + 0.9 * buf);
    if (round == 1) CHECK(moved == Approx(0.7 * 1.9));
    double worst = 0;
    for_each_parameter(trial.tasks().layout(), [&](std::size_t i) {
      double mean = 0;
      for (int island = 0; island < 4; ++island) mean += ConstantPull::force(island, i) / 4.0;
      const double expected = start[i] - moved * 5 * 0.05 * mean;
      worst = std::max(worst, std::abs(notes.shared(round)[i] - expected));
    });
    INFO("round " << round);
    CHECK(worst <= 2e-6 * (1 + moved));  // roundings of a step, carried on by momentum
  }
  CHECK(moved > 8 * 0.7 * 1.9);  // momentum has built up
}

// The same from what the islands had at each boundary: a replay in double precision.
TEST_CASE("a run with Nesterov is what a replay in double precision gives", "[identity]") {
  for (const std::string optimizer : {"sgd", "adamw"}) {
    RunConfig config = small_quadratic();
    config.run.rounds = 10;
    config.inner.optimizer = optimizer;
    config.inner.lr = 0.05;
    config.outer = {.optimizer = "nesterov", .lr = 0.7, .momentum = 0.9};
    const Trial trial(config);
    Notes notes;
    trial.arm("diloco", 4, nullptr, &notes);
    const auto start = initial_values(trial);
    std::vector<double> shared(start.begin(), start.end()), buf(start.size());
    for (std::uint32_t round = 1; round <= 10; ++round) {
      double worst = 0;
      for (std::size_t i = 0; i < shared.size(); ++i) {
        double delta = 0;
        for (int island = 0; island < 4; ++island) {
          delta += (shared[i] - notes.own(round, island)[i]) / 4;
        }
        buf[i] = 0.9 * buf[i] + delta;
        shared[i] -= 0.7 * (delta + 0.9 * buf[i]);
        worst = std::max(worst, std::abs(shared[i] - notes.shared(round)[i]));
        shared[i] = notes.shared(round)[i];  // so that roundings do not add up over rounds
      }
      INFO(optimizer << ", round " << round);
      CHECK(worst <= 2e-6);
      for (int island = 1; island < 4; ++island) {
        CHECK(same_bits(notes.shared(round, island), notes.shared(round)));
      }
    }
  }
}

}  // namespace
}  // namespace strait
