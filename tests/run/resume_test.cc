// Runs that are interrupted and resumed: from every checkpoint that they leave, the rest is what it
// would have been, to the bit and to the nanosecond.
#include <algorithm>
#include <limits>

#include "apps/experiment/checkpoints.h"
#include "core/base/rng.h"
#include "tests/support/catch.h"
#include "tests/support/floats.h"
#include "tests/support/seed.h"
#include "tests/support/trial.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

/// Every checkpoint stays.
RunConfig with_checkpoints(RunConfig config, std::int64_t every = 1) {
  config.checkpoint = {.every = every, .keep = 1000};
  return config;
}

RunConfig settings(int rounds) {
  RunConfig config = small_quadratic();
  config.run = {.islands = 3, .rounds = rounds, .inner_steps = 2, .seed = 7};
  config.inner = {.optimizer = "adamw", .lr = 0.05};
  config.compute = {.step = 1s, .memory_rate = BytesPerSecond{4'000'000'000}};
  config.eval.every = 2;
  return with_checkpoints(config);
}

/// One arm with checkpoints into `storage`, from one of them or from its begin.
ArmResult run_kept(const Trial& trial, const std::string& strategy, FolderStorage& storage,
                   const SavedRound* resumed = nullptr, const Checkpoint* start = nullptr) {
  const Experiment x = trial.experiment();
  const ArmOptions options{strategy, strategy, x.config.run.islands, x.config.inner.lr};
  ArmCheckpoints checkpoints(x, options, train_plan(x, options, start), storage, resumed,
                             [](const std::string& line) { UNSCOPED_INFO(line); });
  SimulatedStorage journal;
  return run_arm(x, options, start, journal, {}, nullptr, &checkpoints);
}

void check_same(const ArmResult& a, const ArmResult& b) {
  if (b.failure) std::rethrow_exception(b.failure);
  CHECK(a.parameter_hash == b.parameter_hash);
  CHECK(a.costs.trace_hash == b.costs.trace_hash);
  CHECK(a.costs.bytes == b.costs.bytes);
  CHECK(a.tokens == b.tokens);
  CHECK(a.discarded_tokens == b.discarded_tokens);
  REQUIRE(a.rows.size() == b.rows.size());
  for (std::size_t r = 0; r < a.rows.size(); ++r) {
    INFO("row " << r);
    const RoundRow &x = a.rows[r], &y = b.rows[r];
    CHECK(x.time == y.time);
    CHECK(x.waited == y.waited);
    CHECK(x.tokens == y.tokens);
    CHECK((x.loss == y.loss || (std::isnan(x.loss) && std::isnan(y.loss))));
    CHECK(x.payload == y.payload);
    CHECK(x.attempts == y.attempts);
    CHECK(x.discarded_tokens == y.discarded_tokens);
    CHECK(x.not_finite == y.not_finite);
    REQUIRE(x.held_out.size() == y.held_out.size());
    for (std::size_t m = 0; m < x.held_out.size(); ++m) {
      CHECK(x.held_out[m].value == y.held_out[m].value);
    }
  }
}

/// Runs it once with checkpoints, once without, and again from each of them. How many there were.
std::size_t check_resumes(const Trial& trial, const std::string& strategy,
                          const Checkpoint* start = nullptr) {
  SimulatedStorage storage;
  const ArmResult whole = run_kept(trial, strategy, storage, nullptr, start);
  // Of random events some leave nobody who has the state.
  if (whole.failure) return 0;
  check_same(whole, trial.arm(strategy, trial.config.run.islands, start));
  const auto names = saved_rounds(storage);
  const ParameterLayout layout = trial.tasks().layout();
  for (const std::string& name : names) {
    INFO("resumed from " << name);
    const SavedRound from = read_saved_round(storage, "memory", name, layout);
    SimulatedStorage again;
    check_same(whole, run_kept(trial, strategy, again, &from, start));
    // It goes on taking the same checkpoints (those that wait for an island may be given up or
    // not).
    for (const std::string& later : saved_rounds(again)) {
      if (std::find(names.begin(), names.end(), later) == names.end()) continue;
      INFO("its checkpoint " << later);
      CHECK(later > name);
      const SavedRound a = read_saved_round(storage, "memory", later, layout);
      const SavedRound b = read_saved_round(again, "memory", later, layout);
      CHECK(same_bits(a.shared, b.shared));
      REQUIRE(a.islands.size() == b.islands.size());
      for (std::size_t i = 0; i < a.islands.size(); ++i) {
        CHECK(same_bits(a.islands[i].parameters, b.islands[i].parameters));
        CHECK(a.islands[i].steps == b.islands[i].steps);
      }
    }
  }
  return names.size();
}

class EventTrial : public Trial {
 public:
  EventTrial(const RunConfig& run, std::vector<NetworkEvent> events)
      : Trial(run, {}, kHomeLine, std::move(events)) {}
};

NetworkEvent island_event(Nanos time, NetworkEventKind kind, IslandId island) {
  return {.time = time, .kind = kind, .island = island};
}

TEST_CASE("every strategy is resumed to the bit", "[resume]") {
  for (const std::string strategy : {"diloco", "data_parallel", "local"}) {
    INFO(strategy);
    CHECK(check_resumes(Trial(settings(6)), strategy) == 5);
  }
}

TEST_CASE("resuming keeps the times of an emulated network", "[resume]") {
  RunConfig config = settings(6);
  config.network.kind = "emulated";
  config.quadratic.size = 50'000;
  config.compute.jitter = 0.2;
  for (const std::string codec : {"fp32", "int8"}) {
    config.collective.codec = config.collective.result = codec;
    config.inner.optimizer = codec == "int8" ? "sgd" : "adamw";
    config.outer.optimizer = codec == "int8" ? "sgd" : "nesterov";
    INFO(codec);
    CHECK(check_resumes(Trial(config), "diloco") == 5);
  }
  CHECK(check_resumes(Trial(with_checkpoints(config, 2)), "data_parallel") == 2);
}

TEST_CASE("a run after pretraining is resumed", "[resume]") {
  RunConfig config = settings(5);
  config.pretrain.steps = 8;
  const Trial trial(config);
  const Pretraining pretraining = trial.pretrained();
  CHECK(check_resumes(trial, "diloco", &pretraining.checkpoint) == 4);
}

// Island 1 is killed in round 2, back in round 4, and sits that out; island 2 leaves.
TEST_CASE("a run whose islands die and come back is resumed", "[resume]") {
  for (const std::string strategy : {"diloco", "data_parallel"}) {
    for (const std::string missing : {"wait", "shrink"}) {
      RunConfig config = settings(8);
      config.data_parallel.missing = missing;
      std::vector<NetworkEvent> events{island_event(3500ms, NetworkEventKind::kIslandKill, 1),
                                       island_event(7s, NetworkEventKind::kIslandJoin, 1)};
      if (missing == "shrink") {
        events.push_back(island_event(11s, NetworkEventKind::kIslandLeave, 2));
      }
      INFO(strategy << ", " << missing);
      CHECK(check_resumes(EventTrial(config, events), strategy) >= 5);
    }
  }
}

// As in policies_test.cc: island 2 misses rounds 2 and 3.
TEST_CASE("a run with missed rounds is resumed under every policy", "[resume]") {
  for (const std::string missed : {"continue", "receive", "rejoin"}) {
    for (const int keep : {4, 1}) {
      RunConfig config = settings(7);
      config.rounds = {
          .quorum = 2, .grace = 500ms, .missed = missed, .miss_after = 1s, .keep = keep};
      config.network.kind = "emulated";
      INFO(missed << ", keeps " << keep);
      CHECK(check_resumes(EventTrial(config, {link_event(3s, NetworkEventKind::kLinkDown, 2),
                                              link_event(7500ms, NetworkEventKind::kLinkUp, 2)}),
                          "diloco") >= 4);
    }
  }
}

TEST_CASE("a run with a slow island that misses most rounds is resumed", "[resume]") {
  RunConfig config = settings(10);
  config.rounds = {.quorum = 2, .grace = 100ms, .miss_after = 500ms};
  config.network.kind = "emulated";
  Trial trial(config);
  trial.own = {{}, {}, {.speed_ppm = 300'000}};
  CHECK(check_resumes(trial, "diloco") >= 4);
}

TEST_CASE("a run with an island that diverges is resumed", "[resume]") {
  // A bit flips in island 1's first step of round 2, and of round 5.
  class BitFlip final : public TaskWrapper {
   public:
    using TaskWrapper::TaskWrapper;
    StepWork accumulate_gradient(BatchKey key, float scale) override {
      const StepWork work = TaskWrapper::accumulate_gradient(key, scale);
      if (key.island == 1 && (key.step == 2 || key.step == 9)) {
        parameters()[100] = std::numeric_limits<float>::quiet_NaN();
      }
      return work;
    }
  };
  RunConfig config = settings(6);
  config.network.kind = "emulated";
  const Trial trial(config, [](std::unique_ptr<Task> task) {
    return std::make_unique<BitFlip>(std::move(task));
  });
  CHECK(check_resumes(trial, "diloco") == 5);
}

// Seeds decide who dies, comes back, leaves, pauses or falls silent when, and over which network.
TEST_CASE("runs with random events are resumed from each of their checkpoints", "[resume]") {
  const std::uint64_t seed = test_seed();
  std::size_t checkpoints = 0;
  for (std::uint64_t run = 0; run < 16; ++run) {
    Rng rng(seed, "resume test", run);
    RunConfig config = settings(8);
    config.run.islands = 4;
    config.run.seed = rng.next() % 1000;
    config.rounds.missed = std::vector<std::string>{"continue", "receive", "rejoin"}[rng.below(3)];
    config.rounds.quorum = static_cast<std::int32_t>(rng.below(3));
    config.rounds.grace = 300ms;
    config.rounds.miss_after = 1s;
    config.rounds.suspect_after = 1s;
    config.rounds.peer_timeout = 4s;
    config.rounds.keep = static_cast<std::int32_t>(rng.below(4));
    config.data_parallel.missing = "shrink";
    config.compute.jitter = 0.3;
    if (rng.below(2) == 0) config.network.kind = "emulated";
    if (rng.below(2) == 0) config.quadratic.size = 40'000;
    std::vector<NetworkEvent> events;
    const auto at = [&] { return Nanos{static_cast<std::int64_t>(rng.below(16'000'000'000))}; };
    // Island 0 stays, so that somebody has the state.
    for (IslandId island = 1; island < 4; ++island) {
      const Nanos first = at();
      switch (rng.below(4)) {
        case 0:
          events.push_back(island_event(first, NetworkEventKind::kIslandLeave, island));
          break;
        case 1:
          events.push_back(island_event(first, NetworkEventKind::kIslandKill, island));
          events.push_back(
              island_event(first + 1s + at() / 4, NetworkEventKind::kIslandJoin, island));
          break;
        case 2:
          if (config.network.kind != "emulated") break;
          events.push_back(link_event(first, NetworkEventKind::kLinkDown, island));
          events.push_back(link_event(first + 1s + at() / 8, NetworkEventKind::kLinkUp, island));
          break;
        default: break;
      }
    }
    std::stable_sort(events.begin(), events.end(),
                     [](const auto& a, const auto& b) { return a.time < b.time; });
    INFO("seed " << seed << ", run " << run);
    const std::string strategy = rng.below(3) == 0 ? "data_parallel" : "diloco";
    checkpoints += check_resumes(EventTrial(config, events), strategy);
  }
  CHECK(checkpoints >= 24);
}

TEST_CASE("a replay that leads elsewhere ends the run", "[resume]") {
  SimulatedStorage storage;
  const Trial trial(settings(6));
  REQUIRE_FALSE(run_kept(trial, "diloco", storage).failure);
  const SavedRound from = read_saved_round(storage, "memory", "000003", trial.tasks().layout());
  RunConfig config = settings(6);
  config.compute.step = 1001ms;
  const Trial other(config);
  SimulatedStorage again;
  const ArmResult result = run_kept(other, "diloco", again, &from);
  REQUIRE(result.failure);
  try {
    std::rethrow_exception(result.failure);
  } catch (const RunFailed& error) {
    CHECK_THAT(error.what(), Catch::Matchers::Contains("this run does not go the way of the one"));
    CHECK_THAT(error.what(), Catch::Matchers::Contains("round 1 ends at 2.002"));
  }
}

TEST_CASE("the newest checkpoints stay and the best one", "[resume]") {
  RunConfig config = settings(12);
  config.checkpoint.keep = 2;
  config.eval.every = 3;
  SimulatedStorage storage;
  REQUIRE_FALSE(run_kept(Trial(config), "diloco", storage).failure);
  const auto names = saved_rounds(storage);
  REQUIRE(names.size() >= 2);
  CHECK(names.size() <= 3);
  CHECK(names.back() == "000011");
  CHECK(names[names.size() - 2] == "000010");
}

}  // namespace
}  // namespace strait
