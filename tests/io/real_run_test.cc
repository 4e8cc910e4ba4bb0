// Whole runs by the wall clock: the same code, the same parameters as in virtual time, and an end.
#include "tests/support/catch.h"
#include "tests/support/trial.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

constexpr AccessLink kNear{megabits(100), megabits(50), Nanos{1'000'000}};

RunConfig settings(const std::string& time) {
  RunConfig config = small_quadratic();
  config.run.time = time;
  config.run.max_lateness = 1h;  // other people's work on this machine must not fail a test
  config.network.kind = "emulated";
  config.compute.step = 2ms;
  return config;
}

ArmResult run(const RunConfig& config, const std::string& strategy,
              std::vector<NetworkEvent> events = {}) {
  return Trial(config, {}, kNear, std::move(events)).arm(strategy);
}

TEST_CASE("a real run trains the parameters of the virtual one", "[real_run]") {
  const std::string strategy = GENERATE("diloco", "data_parallel", "local");
  const std::string network = GENERATE("emulated", "pipe");
  CAPTURE(strategy, network);
  RunConfig real = settings("real"), virtually = settings("virtual");
  real.network.kind = virtually.network.kind = network;
  const ArmResult a = run(real, strategy), b = run(virtually, strategy);
  CHECK(a.parameter_hash == b.parameter_hash);
  CHECK(a.tokens == b.tokens);
  const auto payload = static_cast<std::size_t>(Cause::kPayload);
  CHECK(a.costs.bytes[payload] == b.costs.bytes[payload]);
  REQUIRE(a.rows.size() == b.rows.size());
  for (std::size_t i = 0; i < a.rows.size(); ++i) {
    CHECK(a.rows[i].loss == b.rows[i].loss);
    CHECK(a.rows[i].wall_s >= 0.999 * seconds(a.rows[i].time));
  }
  CHECK_FALSE(b.costs.pace);
  REQUIRE(a.costs.pace);
  CHECK(a.costs.pace->events.count() > 0);
  CHECK(a.costs.pace->work.count() > 0);
  CHECK(a.costs.pace->valid());
}

TEST_CASE("pretraining by the wall clock hands out the same start", "[real_run]") {
  RunConfig real = settings("real"), virtually = settings("virtual");
  real.pretrain.steps = virtually.pretrain.steps = 3;
  const Pretraining a = Trial(real, {}, kNear).pretrained();
  const Pretraining b = Trial(virtually, {}, kNear).pretrained();
  CHECK(a.checkpoint.parameters == b.checkpoint.parameters);
  CHECK(a.costs.pace);
}

TEST_CASE("a price is modelled in virtual time whatever the run's time is", "[real_run]") {
  RunConfig real = settings("real"), virtually = settings("virtual");
  real.compute.step = virtually.compute.step = 10min;
  CHECK(Trial(real, {}, kNear).price(0, 3, 100) == Trial(virtually, {}, kNear).price(0, 3, 100));
}

// Dies in its first round and comes back, while another one leaves and a third one pauses. What
// becomes of which round depends on the threads; that all rounds are made and the run ends does
// not.
TEST_CASE("islands die, come back, pause and leave in real time", "[real_run]") {
  const std::string strategy = GENERATE("diloco", "data_parallel");
  CAPTURE(strategy);
  RunConfig config = settings("real");
  config.run.rounds = 12;
  config.data_parallel.missing = "shrink";
  const ArmResult result =
      run(config, strategy,
          {{.time = 5ms, .kind = NetworkEventKind::kIslandKill, .island = 1},
           {.time = 30ms, .kind = NetworkEventKind::kIslandJoin, .island = 1},
           {.time = 40ms, .kind = NetworkEventKind::kIslandPause, .island = 2, .duration = 20ms},
           {.time = 60ms, .kind = NetworkEventKind::kIslandLeave, .island = 3}});
  CHECK(result.rows.back().round == result.plan.rounds);
  CHECK(result.shared_round == result.plan.rounds);
  CHECK(count(result, TraceKind::kIslandKilled) == 1);
  CHECK(count(result, TraceKind::kIslandJoined) == 1);
}

/// Throws in one island's third step.
class BreaksLater final : public TaskWrapper {
 public:
  using TaskWrapper::TaskWrapper;
  StepWork accumulate_gradient(BatchKey key, float scale) override {
    if (key.island == 2 && key.step == 7) throw std::runtime_error("island 2 broke");
    return TaskWrapper::accumulate_gradient(key, scale);
  }
};

TEST_CASE("an island that fails ends a real run, with the rows until then", "[real_run]") {
  const Trial trial(
      settings("real"),
      [](std::unique_ptr<Task> task) { return std::make_unique<BreaksLater>(std::move(task)); },
      kNear);
  const ArmResult result = trial.tried("diloco", 4);
  REQUIRE(result.failure);
  CHECK_THROWS_WITH(std::rethrow_exception(result.failure), "island 2 broke");
  CHECK(result.rows.back().round == 1);
}

TEST_CASE("a strict run that is late ends with a reason", "[real_run]") {
  RunConfig config = settings("real");
  config.run.max_lateness = 1ns;
  config.run.strict = true;
  const ArmResult result = Trial(config, {}, kNear).tried("diloco", 4);
  REQUIRE(result.failure);
  CHECK_THROWS_AS(std::rethrow_exception(result.failure), TooLate);
  CHECK_FALSE(result.costs.pace->valid());
}

}  // namespace
}  // namespace strait
