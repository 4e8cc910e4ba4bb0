// An island whose parameters have become NaN must not spoil the others.
#include "core/train/strategy.h"
#include "tests/support/catch.h"
#include "tests/support/floats.h"
#include "tests/support/trial.h"

namespace strait {
namespace {

/// A bit flips in memory: one parameter of an island becomes NaN after the gradient of a step.
/// (A gradient that is not finite is not enough: inner optimizers refuse it.)
class BitFlip final : public TaskWrapper {
 public:
  using Hits = std::function<bool(BatchKey)>;
  BitFlip(std::unique_ptr<Task> task, Hits hits)
      : TaskWrapper(std::move(task)), hits_(std::move(hits)) {}

  StepWork accumulate_gradient(BatchKey key, float scale) override {
    const StepWork work = TaskWrapper::accumulate_gradient(key, scale);
    if (hits_(key)) parameters()[100] = std::numeric_limits<float>::quiet_NaN();
    return work;
  }

 private:
  Hits hits_;
};

WrappedTasks::Wrap flip(const BitFlip::Hits& hits) {
  return [hits](std::unique_ptr<Task> task) {
    return std::make_unique<BitFlip>(std::move(task), hits);
  };
}

// Steps 5 to 9 are round 2: in the last step, and in the first, after which the island's own steps
// are refused for the rest of the round.
TEST_CASE("an island with an outer gradient that is not finite gets weight 0", "[not finite]") {
  for (const std::string algorithm : {"two_phase", "gather", "ring", "star"}) {
    for (const std::int64_t step : {9, 5}) {
      RunConfig config = small_quadratic();
      config.inner.optimizer = "adamw";
      config.collective.algorithm = algorithm;
      config.outer = {.optimizer = "sgd", .lr = 0.5, .momentum = 0};
      const Trial trial(config,
                        flip([step](BatchKey key) { return key.island == 1 && key.step == step; }));
      Notes notes;
      const ArmResult result = trial.arm("diloco", 4, nullptr, &notes);
      INFO(algorithm << ", step " << step);
      REQUIRE(result.rows.size() == 5);
      for (std::uint32_t round = 1; round <= 4; ++round) {
        INFO("round " << round);
        const Roster& roster = result.rows[round].roster;
        REQUIRE(roster.members.size() == 4);
        CHECK(roster.weight_of(0) == (round == 2 ? static_cast<float>(1.0 / 3) : 0.25f));
        CHECK(roster.weight_of(1) == (round == 2 ? 0.0f : 0.25f));
        CHECK(roster.contributors().size() == (round == 2 ? 3u : 4u));
        for (IslandId island = 0; island < 4; ++island) {
          CHECK(same_bits(notes.shared(round, island), notes.shared(round)));
        }
      }
      CHECK(std::isnan(notes.own(2, 1)[100]));
      // Round 2 is the mean of islands 0, 2 and 3.
      double worst = 0;
      for (std::size_t i = 0; i < result.shared.size(); ++i) {
        const double before = notes.shared(1)[i];
        double delta = 0;
        for (const IslandId island : {0, 2, 3}) delta += (before - notes.own(2, island)[i]) / 3;
        worst = std::max(worst, std::abs(before - 0.5 * delta - notes.shared(2)[i]));
      }
      CHECK(worst <= 1e-6);
      // The island came back with the others' parameters.
      CHECK(std::isfinite(notes.own(3, 1)[100]));
      CHECK(std::isfinite(result.rows.back().loss));
      CHECK(result.costs.bytes[static_cast<std::size_t>(Cause::kAborted)] == 0);
    }
  }
}

TEST_CASE("a round without any finite outer gradient ends the run and says so", "[not finite]") {
  for (const int islands : {1, 4}) {
    const Trial trial(small_quadratic(), flip([](BatchKey key) { return key.step == 12; }));
    try {
      trial.arm("diloco", islands);
      FAIL("the run went on");
    } catch (const RunFailed& failed) {
      INFO(failed.what());
      CHECK(std::string(failed.what()).find("finite") != std::string::npos);
    }
  }
}

/// What no mean survives: the bare collective, which data parallelism runs, refuses it.
class BadGradient final : public TaskWrapper {
 public:
  using TaskWrapper::TaskWrapper;
  StepWork accumulate_gradient(BatchKey key, float scale) override {
    const StepWork work = TaskWrapper::accumulate_gradient(key, scale);
    if (key.island == 2 && key.step == 7) gradients()[0] = std::numeric_limits<float>::infinity();
    return work;
  }
};

TEST_CASE("a gradient that is not finite ends a data-parallel run and names the island",
          "[not finite]") {
  const Trial trial(small_quadratic(), [](std::unique_ptr<Task> task) {
    return std::make_unique<BadGradient>(std::move(task));
  });
  try {
    trial.arm("data_parallel", 4);
    FAIL("the run went on");
  } catch (const RunFailed& failed) {
    INFO(failed.what());
    CHECK(std::string(failed.what())
              .starts_with("step 7: the contribution of island 2 is not finite (first at element "
                           "0): it is inf there"));
  }
}

}  // namespace
}  // namespace strait
