// Runs whose islands are killed, come back, come later or leave: who takes part in which round,
// what is lost, and that a repeat is the same.
//
// Three islands over the pipe; a round takes 2 s (H = 2 steps of 1 s).
#include <algorithm>
#include <mutex>
#include <thread>

#include "core/base/rng.h"
#include "tests/support/catch.h"
#include "tests/support/floats.h"
#include "tests/support/trial.h"

namespace strait {
namespace {

using namespace std::chrono_literals;
using Counts = std::vector<int>;

RunConfig settings(int rounds) {
  RunConfig config = small_quadratic();
  config.run = {.islands = 3, .rounds = rounds, .inner_steps = 2, .seed = 7};
  config.compute = {.step = 1s, .memory_rate = kUnlimited};
  return config;
}

NetworkEvent island_event(Nanos time, NetworkEventKind kind, IslandId island) {
  return {.time = time, .kind = kind, .island = island};
}

class LivesTrial : public Trial {
 public:
  LivesTrial(const RunConfig& run, std::vector<NetworkEvent> events)
      : Trial(run, {}, kHomeLine, std::move(events)) {}
};

// Killed in its second step of round 2, which the others end at 4 s without it. It is back at 7.5
// s, in round 4, gets theta(3), sits round 4 out, and is ready for round 5 at 9.5 s.
TEST_CASE("a killed island comes back and catches up", "[lives]") {
  RunConfig config = settings(6);
  const auto run = [&] {
    const LivesTrial trial(config, {island_event(3500ms, NetworkEventKind::kIslandKill, 1),
                                    island_event(4500ms, NetworkEventKind::kIslandJoin, 1)});
    Notes notes;
    ArmResult result = trial.arm("diloco", 3, nullptr, &notes);
    for (std::uint32_t round = 1; round <= 6; ++round) {
      for (const auto& member : result.rows[round].roster.members) {
        CHECK(same_bits(notes.shared_after(round, member.island), notes.shared_after(round, 0)));
      }
    }
    return result;
  };
  const ArmResult first = run();
  CHECK(missing(first) == Counts{0, 1, 1, 0, 0, 0});
  CHECK(count(first, TraceKind::kIslandKilled) == 1);
  CHECK(count(first, TraceKind::kIslandJoined) == 1);
  CHECK(count(first, TraceKind::kExpelled) == 1);
  CHECK(first.discarded_tokens == 2);  // its steps of round 2
  CHECK(first.tokens == 2 * 6 * 2 + 2 + 2 + 3 * 2);
  CHECK(first.costs.bytes[static_cast<std::size_t>(Cause::kCatchUp)] > 0);
  CHECK(first.rows.back().time >= 12s);
  CHECK(first.rows.back().time < 13s);
  for (int repeat = 0; repeat < 4; ++repeat) {
    config.run.parallel = repeat % 2 == 0;
    const ArmResult again = run();
    CHECK(again.costs.trace_hash == first.costs.trace_hash);
    CHECK(again.parameter_hash == first.parameter_hash);
    for (std::size_t r = 0; r < first.rows.size(); ++r) {
      CHECK(again.rows[r].loss == first.rows[r].loss);
      CHECK(again.rows[r].tokens == first.rows[r].tokens);
      CHECK(again.rows[r].waited == first.rows[r].waited);
    }
  }
}

// Over links, in the middle of an exchange: round 2 needs 0.4 s at least, and island 1 dies 0.1 s
// into it.
TEST_CASE("an island that dies in an exchange costs the others one attempt", "[lives]") {
  RunConfig config = settings(4);
  config.network.kind = "emulated";
  config.quadratic.size = 200'000;
  const auto run = [&] {
    const LivesTrial probe(config, {});
    const Nanos second = probe.arm("diloco", 3).rows[1].time + 2s;  // round 2 is at its boundary
    const LivesTrial trial(config,
                           {island_event(second + 100ms, NetworkEventKind::kIslandKill, 1)});
    return trial.arm("diloco", 3);
  };
  const ArmResult first = run(), again = run();
  REQUIRE(first.rows.size() == 5);
  CHECK(missing(first) == Counts{0, 1, 1, 1});
  CHECK(first.rows[2].attempts == 2);
  CHECK(first.costs.bytes[static_cast<std::size_t>(Cause::kAborted)] > 0);
  CHECK(first.discarded_tokens == 2);
  CHECK(first.costs.trace_hash == again.costs.trace_hash);
  CHECK(first.parameter_hash == again.parameter_hash);
}

// The same, but island 1 falls silent, so that what is on the way to it never arrives. It is missed
// by the coordinator after 6 s, and nobody waits for it: not for their buffers, nor at the end.
TEST_CASE("an island that is silent for good in an exchange costs a timeout", "[lives]") {
  RunConfig config = settings(4);
  config.network.kind = "emulated";
  config.quadratic.size = 200'000;
  config.rounds.peer_timeout = 6s;
  const LivesTrial probe(config, {});
  const ArmResult usual = probe.arm("diloco", 3);
  const Nanos second = usual.rows[1].time + 2s;
  const LivesTrial trial(config,
                         {island_event(second + 100ms, NetworkEventKind::kIslandSilent, 1)});
  const ArmResult result = trial.arm("diloco", 3);
  CHECK(missing(result) == Counts{0, 1, 1, 1});
  CHECK(result.rows[2].time > usual.rows[2].time + 5s);
  CHECK(result.rows[2].time < usual.rows[2].time + 9s);
  CHECK(result.costs.time < usual.costs.time + 9s);
}

// Island 1 is expected at 1000 s, but the others are done at 6 s.
TEST_CASE("a run does not wait for islands that would come when it is over", "[lives]") {
  const LivesTrial trial(settings(3), {island_event(3500ms, NetworkEventKind::kIslandKill, 1),
                                       island_event(1000s, NetworkEventKind::kIslandJoin, 1)});
  const ArmResult result = trial.arm("diloco", 3);
  CHECK(missing(result) == Counts{0, 1, 1});
  CHECK(count(result, TraceKind::kIslandJoined) == 0);
  CHECK(result.costs.time == result.rows.back().time);
}

// At 5 s the others are in round 3: it sits that out and contributes to round 4.
TEST_CASE("an island that comes later enters at the round after the open one", "[lives]") {
  LivesTrial trial(settings(5), {});
  trial.own = {{}, {}, {.start = 5s}};
  Notes notes;
  const ArmResult result = trial.arm("diloco", 3, nullptr, &notes);
  CHECK(missing(result) == Counts{1, 1, 1, 0, 0});
  CHECK(same_bits(notes.shared_after(5, 2), notes.shared_after(5, 0)));
  CHECK(notes.round(4, 2).steps.front().step == 2 * 3);  // no data of rounds 1 to 3
  CHECK(result.discarded_tokens == 0);
  REQUIRE_FALSE(result.rows[0].held_out.empty());
  REQUIRE_FALSE(result.rows[5].held_out.empty());
  CHECK(result.rows[5].held_out[0].value < result.rows[0].held_out[0].value);
}

// Asked in round 2, it ends that first: nothing of its work is lost.
TEST_CASE("an island leaves at its boundary, and the others go on", "[lives]") {
  const LivesTrial trial(settings(5), {island_event(3s, NetworkEventKind::kIslandLeave, 0)});
  const ArmResult result = trial.arm("diloco", 3);
  CHECK(missing(result) == Counts{0, 0, 1, 1, 1});
  CHECK(count(result, TraceKind::kIslandLeft) == 1);
  CHECK(result.discarded_tokens == 0);
  CHECK(result.tokens == 2 * 2 + 2 * 5 * 2);
  CHECK(result.shared_round == 5);
}

TEST_CASE("an island that leaves before its first word is not waited for", "[lives]") {
  const LivesTrial trial(settings(2), {island_event(0s, NetworkEventKind::kIslandLeave, 2)});
  const ArmResult result = trial.arm("diloco");
  CHECK(missing(result) == Counts{1, 1});
  CHECK(count(result, TraceKind::kIslandLeft) == 1);
}

TEST_CASE("an island may be of another speed, and the others wait for it", "[lives]") {
  LivesTrial trial(settings(3), {});
  trial.own = {{}, {.step = 3s}, {}};
  const ArmResult result = trial.arm("diloco", 3);
  CHECK(result.rows.back().time == 3 * 2 * 3s);
  CHECK(result.rows.back().waited == 3 * 2 * 2 * 2s / 3);  // two of three wait 2 s per step
}

TEST_CASE("an arm that fails leaves the rows of the rounds before", "[lives]") {
  const LivesTrial trial(settings(5), {island_event(5s, NetworkEventKind::kIslandKill, 0),
                                       island_event(5s, NetworkEventKind::kIslandKill, 1),
                                       island_event(5s, NetworkEventKind::kIslandKill, 2),
                                       island_event(6s, NetworkEventKind::kIslandJoin, 0),
                                       island_event(6s, NetworkEventKind::kIslandJoin, 1),
                                       island_event(6s, NetworkEventKind::kIslandJoin, 2)});
  const ArmResult result = trial.tried("diloco", 3);
  REQUIRE(result.failure);
  CHECK_THROWS_WITH(std::rethrow_exception(result.failure),
                    Catch::Contains("the state after round 2 is lost"));
  CHECK(result.rows.size() == 3);
  CHECK(count(result, TraceKind::kIslandKilled) == 3);
}

/// Yields the processor at random before and after each gradient, so that threads interleave
/// differently each time.
class RestlessTask final : public TaskWrapper {
 public:
  RestlessTask(std::unique_ptr<Task> task, std::uint64_t seed)
      : TaskWrapper(std::move(task)), rng_(seed, "yields") {}
  StepWork accumulate_gradient(BatchKey key, float scale) override {
    rest();
    const StepWork work = TaskWrapper::accumulate_gradient(key, scale);
    rest();
    return work;
  }

 private:
  void rest() {
    for (auto n = rng_.below(20); n > 0; --n) std::this_thread::yield();
  }
  Rng rng_;
};

TEST_CASE("a hundred repeats with random thread timing are the same run", "[lives]") {
  RunConfig config = settings(6);
  config.run.islands = 4;
  config.compute.jitter = 0.3;
  config.network.kind = "emulated";
  const auto run = [&](int repeat) {
    std::uint64_t tasks = 0;
    std::mutex mutex;
    const auto wrap = [&](std::unique_ptr<Task> task) {
      const std::lock_guard lock(mutex);
      return std::make_unique<RestlessTask>(std::move(task),
                                            100 * static_cast<std::uint64_t>(repeat) + tasks++);
    };
    const Trial trial(config, wrap, kHomeLine,
                      {island_event(3500ms, NetworkEventKind::kIslandKill, 1),
                       link_event(4s, NetworkEventKind::kLinkDown, 2),
                       island_event(4500ms, NetworkEventKind::kIslandJoin, 1),
                       link_event(6s, NetworkEventKind::kLinkUp, 2),
                       island_event(9s, NetworkEventKind::kIslandLeave, 3)});
    return trial.arm("diloco", 4);
  };
  const ArmResult first = run(0);
  CHECK(count(first, TraceKind::kIslandLeft) == 1);
  for (int repeat = 1; repeat <= 100; ++repeat) {
    const ArmResult again = run(repeat);
    INFO("repeat " << repeat);
    CHECK(again.costs.trace_hash == first.costs.trace_hash);
    CHECK(again.parameter_hash == first.parameter_hash);
  }
}

TEST_CASE("one island alone evaluates its shared parameters, too", "[lives]") {
  RunConfig config = settings(2);
  config.run.islands = 1;
  for (const std::string strategy : {"diloco", "local"}) {
    const ArmResult result = Trial(config).arm(strategy, 1);
    CHECK_FALSE(result.rows.back().held_out.empty());
    CHECK(result.rows.back().roster.members.size() == 1);
  }
}

}  // namespace
}  // namespace strait
