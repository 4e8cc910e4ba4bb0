// Data parallelism whose islands are killed, leave, come back, come later or fall silent: who takes
// part in which step, that all have the same parameters, and what catching up costs.
//
// Three islands over the pipe, 3 rounds of 2 steps of 1 s, so that 6 steps take 6 s when nobody is
// missing. Each step is a round of its own.
#include <algorithm>

#include "core/base/rng.h"
#include "tests/support/catch.h"
#include "tests/support/floats.h"
#include "tests/support/trial.h"

namespace strait {
namespace {

using namespace std::chrono_literals;
using Counts = std::vector<int>;

constexpr std::uint32_t kSteps = 6;

RunConfig settings(const std::string& missing) {
  RunConfig config = small_quadratic();
  config.run = {.islands = 3, .rounds = 3, .inner_steps = 2, .seed = 7};
  config.inner = {.optimizer = "adamw", .lr = 0.05};
  config.data_parallel.missing = missing;
  config.compute = {.step = 1s, .memory_rate = kUnlimited};
  config.eval.every = 1;
  return config;
}

/// Over 20 Mbit/s lines, where an exchange of a step takes 0.4 s at least.
RunConfig on_lines(const std::string& missing) {
  RunConfig config = settings(missing);
  config.network.kind = "emulated";
  config.quadratic.size = 200'000;
  config.rounds.peer_timeout = 6s;
  return config;
}

NetworkEvent island_event(Nanos time, NetworkEventKind kind, IslandId island) {
  return {.time = time, .kind = kind, .island = island};
}

/// Killed in its third step, and back after 2 s.
std::vector<NetworkEvent> killed_and_back() {
  return {island_event(2500ms, NetworkEventKind::kIslandKill, 1),
          island_event(4500ms, NetworkEventKind::kIslandJoin, 1)};
}

class ElasticTrial : public Trial {
 public:
  ElasticTrial(const RunConfig& run, std::vector<NetworkEvent> events)
      : Trial(run, {}, kHomeLine, std::move(events)) {}

  ArmResult run(Notes* notes = nullptr) const { return arm("data_parallel", 3, nullptr, notes); }
};

Bytes bytes(const ArmResult& result, Cause cause) {
  return result.costs.bytes[static_cast<std::size_t>(cause)];
}

/// How many islands took part in each step, all with the same parameters after it; none otherwise.
Counts alike(const ArmResult& result, const Notes& notes) {
  Counts counts;
  for (std::uint32_t step = 1; step < result.rows.size(); ++step) {
    const auto& members = result.rows[step].roster.members;
    const Notes::Buffer* first = nullptr;
    for (const auto& member : members) {
      if (!notes.has_shared_after(step, member.island)) continue;
      const auto& own = notes.shared_after(step, member.island);
      if (first != nullptr && !same_bits(own, *first)) return {};
      first = &own;
    }
    counts.push_back(static_cast<int>(members.size()));
  }
  return counts;
}

// Step 3 waits for island 1, which is ready for it at 5.5 s, and which island 2 dials again at 5.6
// s.
TEST_CASE("wait: a step waits for a killed island, and nothing is lost", "[elastic]") {
  RunConfig config = settings("wait");
  const ArmResult calm = ElasticTrial(config, {}).run();
  Notes notes;
  const ArmResult result = ElasticTrial(config, killed_and_back()).run(&notes);
  CHECK(alike(result, notes) == Counts{3, 3, 3, 3, 3, 3});
  CHECK(result.rows[2].time == 2s);
  CHECK(result.rows[3].time == 5600ms);
  CHECK(result.rows.back().time == 8600ms);
  CHECK(same_bits(result.shared, calm.shared));
  CHECK(bytes(result, Cause::kPayload) == bytes(calm, Cause::kPayload));
  CHECK(bytes(calm, Cause::kCatchUp) == 0);
  CHECK(result.discarded_tokens == 1);  // its first try at step 3
  CHECK(result.tokens == calm.tokens + 1);
  CHECK(count(result, TraceKind::kCaughtUp) == 1);
  CHECK(result.rows.back().held_out.front().value == calm.rows.back().held_out.front().value);
}

// Parameters and both moments of AdamW, once, and little beside.
TEST_CASE("a returner copies parameters and optimizer state from a live island", "[elastic]") {
  for (const std::string missing : {"wait", "shrink"}) {
    const ElasticTrial trial(settings(missing), killed_and_back());
    const Bytes caught_up = bytes(trial.run(), Cause::kCatchUp);
    INFO(missing);
    CHECK(caught_up >= 3 * 4 * trial.size());
    CHECK(caught_up < 3 * 4 * trial.size() + 1000);
  }
}

// A dial to it is refused at 2.6 s: steps 3 and 4 are made without it. It is back in the middle of
// step 5, 0.5 s late for that, and reached by island 2 after 0.1 s more.
TEST_CASE("shrink: steps go on without a killed island, and with it again", "[elastic]") {
  RunConfig config = settings("shrink");
  const auto run = [&](Notes* notes) { return ElasticTrial(config, killed_and_back()).run(notes); };
  Notes notes;
  const ArmResult first = run(&notes);
  CHECK(alike(first, notes) == Counts{3, 3, 2, 2, 3, 3});
  CHECK(missing(first) == Counts{0, 0, 1, 1, 0, 0});
  CHECK(first.rows[4].time == 4s);
  CHECK(first.rows[5].time == 5600ms);
  CHECK(first.rows.back().time == 6600ms);
  CHECK(first.rows[3].roster.weight_of(0) == 0.5f);
  CHECK(same_bits(notes.shared_after(kSteps, 1), first.shared));
  CHECK(first.tokens == 2 * 6 + 4 + 1);  // the others' steps, its own, and the one it died in
  CHECK(first.discarded_tokens == 1);
  CHECK(count(first, TraceKind::kExpelled) == 1);
  for (const bool parallel : {true, false}) {
    config.run.parallel = parallel;
    const ArmResult again = run(nullptr);
    CHECK(again.costs.trace_hash == first.costs.trace_hash);
    CHECK(again.parameter_hash == first.parameter_hash);
  }
}

// 0.1 s into the exchange of step 3.
TEST_CASE("an island that dies in an exchange costs one attempt at the step", "[elastic]") {
  const ArmResult calm = ElasticTrial(on_lines("wait"), {}).run();
  for (const std::string missing : {"wait", "shrink"}) {
    const ArmResult probe =
        ElasticTrial(on_lines(missing), {island_event(90s, NetworkEventKind::kIslandKill, 1),
                                         island_event(95s, NetworkEventKind::kIslandJoin, 1)})
            .run();
    const Nanos third = probe.rows[2].time + 1100ms;
    Notes notes;
    const ArmResult result =
        ElasticTrial(on_lines(missing),
                     {island_event(third, NetworkEventKind::kIslandKill, 1),
                      island_event(third + 5s, NetworkEventKind::kIslandJoin, 1)})
            .run(&notes);
    INFO(missing);
    const Counts members = alike(result, notes);
    REQUIRE(members.size() == kSteps);
    CHECK(members[2] == (missing == "wait" ? 3 : 2));
    CHECK(result.rows[3].attempts == 2);
    CHECK(bytes(result, Cause::kAborted) > 0);
    CHECK(bytes(result, Cause::kCatchUp) > 0);
    if (missing == "wait") {
      CHECK(same_bits(result.shared, calm.shared));
      CHECK(bytes(result, Cause::kPayload) == bytes(calm, Cause::kPayload));
    }
  }
}

TEST_CASE("a silent island is expelled, and copies the state when it speaks again", "[elastic]") {
  NetworkEvent silence = island_event(2500ms, NetworkEventKind::kIslandSilent, 1);
  silence.duration = 10s;
  // Somebody who comes and goes at once, so that steps are committed with wait, too.
  const std::vector<NetworkEvent> events{silence,
                                         island_event(15s, NetworkEventKind::kIslandKill, 2),
                                         island_event(15s + 1ms, NetworkEventKind::kIslandJoin, 2)};
  for (const std::string missing : {"wait", "shrink"}) {
    RunConfig config = on_lines(missing);
    config.run.rounds = 8;
    const ArmResult calm = ElasticTrial(config, {}).run();
    Notes notes;
    const ArmResult result = ElasticTrial(config, events).run(&notes);
    INFO(missing);
    const Counts members = alike(result, notes);
    REQUIRE(members.size() == 16);
    CHECK(members.back() == 3);
    CHECK(count(result, TraceKind::kExpelled) >= 1);
    const bool always_three = std::count(members.begin(), members.end(), 3) == 16;
    CHECK(always_three == (missing == "wait"));
    if (missing == "wait") CHECK(same_bits(result.shared, calm.shared));
  }
}

TEST_CASE("an island whose line is down is missing as well", "[elastic]") {
  RunConfig config = on_lines("shrink");
  config.run.rounds = 8;
  const ElasticTrial trial(config, {link_event(2500ms, NetworkEventKind::kLinkDown, 2),
                                    link_event(15s, NetworkEventKind::kLinkUp, 2)});
  Notes notes;
  const ArmResult result = trial.run(&notes);
  const Counts members = alike(result, notes);
  REQUIRE(members.size() == 16);
  CHECK(std::count(members.begin(), members.end(), 2) > 0);
  CHECK(members.back() == 3);
}

TEST_CASE("an island that comes later is waited for, or enters when it comes", "[elastic]") {
  for (const std::string missing : {"wait", "shrink"}) {
    ElasticTrial trial(settings(missing), {});
    trial.own = {{}, {}, {.start = 3500ms}};
    Notes notes;
    const ArmResult result = trial.run(&notes);
    INFO(missing);
    if (missing == "wait") {
      CHECK(alike(result, notes) == Counts{3, 3, 3, 3, 3, 3});
      CHECK(result.rows.back().time == 9500ms);
    } else {
      CHECK(alike(result, notes) == Counts{2, 2, 2, 3, 3, 3});
      CHECK(result.rows.back().time == 6500ms);
    }
  }
}

TEST_CASE("shrink: an island leaves after a step, and the others go on", "[elastic]") {
  const ElasticTrial trial(settings("shrink"),
                           {island_event(2500ms, NetworkEventKind::kIslandLeave, 0)});
  Notes notes;
  const ArmResult result = trial.run(&notes);
  CHECK(alike(result, notes) == Counts{3, 3, 3, 2, 2, 2});
  CHECK(result.rows.back().time == 6s);
  CHECK(result.discarded_tokens == 0);
  CHECK(result.shared_round == kSteps);
}

TEST_CASE("nobody commits steps of islands that all stay", "[elastic]") {
  const ArmResult calm = ElasticTrial(settings("wait"), {}).run();
  CHECK(calm.rows.size() == 4);  // a row per round of two steps
  CHECK(count(calm, TraceKind::kRound) == 0);
  const ArmResult shrinks = ElasticTrial(settings("shrink"), {}).run();
  CHECK(shrinks.rows.size() == 1 + kSteps);
  CHECK(count(shrinks, TraceKind::kRound) == kSteps);
  CHECK(same_bits(shrinks.shared, calm.shared));
  CHECK(bytes(shrinks, Cause::kPayload) == bytes(calm, Cause::kPayload));
  CHECK(shrinks.rows.back().loss > 0);
  CHECK(shrinks.rows.back().held_out.front().value == calm.rows.back().held_out.front().value);
}

TEST_CASE("whoever is missing when, wait gives the same parameters as a calm run", "[elastic]") {
  RunConfig config = on_lines("wait");
  config.quadratic.size = 20'000;
  config.compute.jitter = 0.3;
  config.run.rounds = 6;
  const ArmResult calm = ElasticTrial(config, {}).run();
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Rng rng(seed, "lives");
    std::vector<NetworkEvent> events;
    for (int life = 0; life < 4; ++life) {
      const auto island = static_cast<IslandId>(rng.below(3));
      const Nanos at = 4s * life + Nanos{static_cast<std::int64_t>(rng.below(3'000'000'000))};
      events.push_back(island_event(at, NetworkEventKind::kIslandKill, island));
      events.push_back(island_event(at + Nanos{static_cast<std::int64_t>(rng.below(1'000'000'000))},
                                    NetworkEventKind::kIslandJoin, island));
    }
    for (const std::string missing : {"wait", "shrink"}) {
      config.data_parallel.missing = missing;
      Notes notes;
      const ArmResult result = ElasticTrial(config, events).run(&notes);
      INFO("seed " << seed << ", " << missing);
      CHECK(alike(result, notes).size() == 12);
      if (missing == "wait") CHECK(same_bits(result.shared, calm.shared));
    }
  }
}

TEST_CASE("a gradient that is not finite ends the run also where steps are committed",
          "[elastic]") {
  RunConfig config = settings("shrink");
  config.inner.lr = 1e6;
  config.inner.optimizer = "sgd";
  config.run.rounds = 100;
  const ArmResult result = ElasticTrial(config, {}).tried("data_parallel", 3);
  REQUIRE(result.failure);
  CHECK_THROWS_WITH(std::rethrow_exception(result.failure),
                    Catch::Contains("is not finite: training diverged; lower inner.lr"));
}

TEST_CASE("an arm of fewer islands hears nothing of the others' fate", "[elastic]") {
  const ElasticTrial trial(settings("wait"), killed_and_back());
  CHECK(trial.arm("local", 1).rows.size() == 4);
}

TEST_CASE("waiting for an island that never comes back is found before the run", "[elastic]") {
  const auto check = [](const std::string& missing, std::vector<NetworkEvent> events) {
    ElasticTrial(settings(missing), std::move(events)).check("data_parallel", 3);
  };
  const auto kill = island_event(1s, NetworkEventKind::kIslandKill, 0);
  const auto silence = island_event(1s, NetworkEventKind::kIslandSilent, 2);
  CHECK_THROWS_WITH(
      check("wait", {kill}),
      "data_parallel.missing = wait: island 0 goes at 1s and never comes back, so the "
      "others would wait for ever; write shrink, or let it join again in "
      "network.events");
  CHECK_THROWS_AS(check("wait", {silence}), UserError);
  CHECK_THROWS_AS(check("wait", {island_event(1s, NetworkEventKind::kIslandLeave, 1)}), UserError);
  CHECK_NOTHROW(check("wait", {kill, island_event(2s, NetworkEventKind::kIslandJoin, 0)}));
  CHECK_NOTHROW(check("shrink", {kill, silence}));
  CHECK_NOTHROW(ElasticTrial(settings("wait"), {kill}).check("diloco", 3));
}

}  // namespace
}  // namespace strait
