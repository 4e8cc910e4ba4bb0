// What a row of metrics says: rounds, steps, tokens, loss, virtual time, waiting, evaluation.
#include "tests/support/catch.h"
#include "tests/support/trial.h"

namespace strait {
namespace {

RunConfig settings() {
  RunConfig config = small_quadratic();
  config.run.rounds = 12;
  config.run.inner_steps = 3;
  config.eval.every = 5;
  return config;
}

TEST_CASE("rows are the branch point and every round, in order", "[rows]") {
  for (const std::string strategy : {"diloco", "data_parallel", "local"}) {
    for (const std::int64_t pretrained : {0, 4}) {
      RunConfig config = settings();
      config.pretrain.steps = pretrained;
      const Trial trial(config);
      const Checkpoint checkpoint = pretrained > 0 ? trial.pretrained().checkpoint : Checkpoint{};
      const ArmResult result = trial.arm(strategy, 4, pretrained > 0 ? &checkpoint : nullptr);
      INFO(strategy << " after " << pretrained);
      REQUIRE(result.rows.size() == 13);
      for (std::uint32_t round = 0; round <= 12; ++round) {
        const RoundRow& row = result.rows[round];
        CHECK(row.round == round);
        CHECK(row.step == pretrained + 3 * round);
        CHECK(row.tokens == 4 * 3 * round);  // the quadratic counts one token a batch
        if (round > 0) {
          CHECK(row.time > result.rows[round - 1].time);
          CHECK(row.waited >= result.rows[round - 1].waited);
        }
      }
      CHECK(result.rows[0].time == Nanos{0});
      CHECK(result.rows[0].payload == 0);
      CHECK(result.rows.back().time == result.costs.time);
    }
  }
}

TEST_CASE("held-out loss is there at the branch point, every fifth round and at the end",
          "[rows]") {
  for (const auto& [every, expected] :
       {std::pair<int, std::vector<std::uint32_t>>{5, {0, 5, 10, 12}},
        {0, {0, 12}},
        {6, {0, 6, 12}}}) {
    RunConfig config = settings();
    config.eval.every = every;
    const ArmResult result = Trial(config).arm("diloco");
    std::vector<std::uint32_t> evaluated;
    for (const RoundRow& row : result.rows) {
      if (!row.held_out.empty()) evaluated.push_back(row.round);
    }
    CHECK(evaluated == expected);
  }
}

// Evaluated late, in the shadow of the next computing, but of the round's own parameters.
TEST_CASE("a row's held-out loss is that of the shared parameters after its round", "[rows]") {
  for (const std::string strategy : {"diloco", "data_parallel"}) {
    const Trial trial(settings());
    Notes notes;
    const ArmResult result = trial.arm(strategy, 4, nullptr, &notes);
    const auto task = trial.tasks().make();
    for (const std::uint32_t round : {0u, 5u, 10u, 12u}) {
      const auto of = round == 0 ? initial_values(trial) : notes.shared(round);
      const auto share = task->evaluate(of, 0, 1);
      const auto expected = combine(std::vector<std::vector<Metric>>{share});
      REQUIRE(result.rows[round].held_out.size() == expected.size());
      INFO(strategy << ", round " << round);
      for (std::size_t m = 0; m < expected.size(); ++m) {
        CHECK(result.rows[round].held_out[m].name == expected[m].name);
        CHECK(result.rows[round].held_out[m].value == expected[m].value);
      }
    }
    CHECK(result.rows.back().held_out[0].value < result.rows[0].held_out[0].value);
  }
}

TEST_CASE("a row's loss is the mean over its round's steps and islands", "[rows]") {
  Notes notes;
  const ArmResult result = Trial(settings()).arm("diloco", 4, nullptr, &notes);
  for (std::uint32_t round = 1; round <= 12; ++round) {
    double sum = 0;
    for (IslandId island = 0; island < 4; ++island) {
      REQUIRE(notes.round(round, island).steps.size() == 3);
      for (const StepRecord& step : notes.round(round, island).steps) sum += step.loss;
    }
    CHECK(result.rows[round].loss == Approx(sum / 12).epsilon(1e-12));
  }
}

// On a network without delay or limit, where computing is all that takes time.
TEST_CASE("virtual time is computing plus waiting", "[rows]") {
  RunConfig config = settings();
  config.compute.memory_rate = kUnlimited;
  const Trial trial(config);
  for (const std::string strategy : {"diloco", "data_parallel", "local"}) {
    const ArmResult result = trial.arm(strategy);
    INFO(strategy);
    CHECK(result.rows.back().time == Nanos{12 * 3 * 10'000'000});
    CHECK(result.rows.back().waited == Nanos{0});
  }
  config.network.kind = "emulated";
  const Trial slow(config);
  for (const std::string strategy : {"diloco", "data_parallel"}) {
    const ArmResult result = slow.arm(strategy);
    INFO(strategy);
    for (const RoundRow& row : result.rows) {
      if (row.round == 0) continue;
      // All islands leave a round at about the same time; computing is the same for all.
      const Nanos computed = Nanos{row.round * 3 * 10'000'000};
      CHECK(row.waited <= row.time - computed);
      CHECK(row.waited + Nanos{100'000'000} >= row.time - computed);
    }
    CHECK(result.rows.back().waited > Nanos{12 * 80'000'000});
  }
}

// Islands that compute at different speeds wait for the slowest.
TEST_CASE("jitter makes the fast islands wait", "[rows]") {
  RunConfig config = settings();
  config.compute.memory_rate = kUnlimited;
  config.compute.jitter = 0.5;
  const Trial trial(config);
  const ArmResult together = trial.arm("diloco");
  CHECK(together.rows.back().waited > Nanos{0});
  CHECK(trial.arm("local").rows.back().waited == Nanos{0});
  CHECK(trial.arm("local").rows.back().time < together.rows.back().time);
}

}  // namespace
}  // namespace strait
