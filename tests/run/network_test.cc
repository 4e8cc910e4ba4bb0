// What a network may change in a synchronous run: the clock, and nothing else.
#include "tests/support/catch.h"
#include "tests/support/floats.h"
#include "tests/support/trial.h"

namespace strait {
namespace {

struct Way {
  std::string strategy, codec, algorithm;
};

const std::vector<Way> kWays{
    {"diloco", "fp32", "two_phase"},
    {"diloco", "fp32", "gather"},
    {"diloco", "int8", "two_phase"},
    {"diloco", "int8", "gather"},
    {"diloco", "fp32", "ring"},
    {"diloco", "bf16", "star"},
    {"data_parallel", "bf16", "ring"},
    {"data_parallel", "fp32", "star"},
    {"data_parallel", "fp32", "two_phase"},
    {"data_parallel", "fp32", "gather"},
    {"data_parallel", "int8", "two_phase"},
    {"data_parallel", "int8", "gather"},
};

/// Long enough messages (a shard is 40 kB in fp32) that windows matter, and rounds long enough
/// (400 ms) that a connection counts as idle in DiLoCo.
RunConfig settings(const Way& way) {
  RunConfig config = small_quadratic();
  config.run.rounds = 2;
  config.run.inner_steps = 4;
  config.quadratic.size = 40'000;
  config.collective.codec = way.codec;
  config.collective.algorithm = way.algorithm;
  config.network.kind = "emulated";
  config.compute.step = std::chrono::milliseconds(100);
  return config;
}

/// The same numbers, whatever the clock said.
void check_same_training(const ArmResult& a, const ArmResult& b) {
  CHECK(same_bits(a.shared, b.shared));
  CHECK(a.parameter_hash == b.parameter_hash);
  REQUIRE(a.rows.size() == b.rows.size());
  for (std::size_t i = 0; i < a.rows.size(); ++i) {
    INFO("round " << i);
    CHECK(a.rows[i].loss == b.rows[i].loss);
    CHECK(a.rows[i].step == b.rows[i].step);
    CHECK(a.rows[i].tokens == b.rows[i].tokens);
    CHECK(a.rows[i].payload == b.rows[i].payload);
    REQUIRE(a.rows[i].held_out.size() == b.rows[i].held_out.size());
    for (std::size_t m = 0; m < a.rows[i].held_out.size(); ++m) {
      CHECK(a.rows[i].held_out[m].value == b.rows[i].held_out[m].value);
    }
  }
}

TEST_CASE("the pipe and emulated links give the same losses and parameters to the bit", "[run]") {
  for (const Way& way : kWays) {
    INFO(way.strategy << ", " << way.codec << ", " << way.algorithm);
    RunConfig config = settings(way);
    const ArmResult emulated = Trial(config).arm(way.strategy);
    config.network.kind = "pipe";
    const ArmResult pipe = Trial(config).arm(way.strategy);
    check_same_training(emulated, pipe);
    CHECK(emulated.costs.time > pipe.costs.time);
  }
}

TEST_CASE("islands that never talk take the same time on any network", "[run]") {
  RunConfig config = settings(kWays[0]);
  const ArmResult emulated = Trial(config).arm("local");
  config.network.kind = "pipe";
  const ArmResult pipe = Trial(config).arm("local");
  check_same_training(emulated, pipe);
  CHECK(emulated.rows.back().time == pipe.rows.back().time);
  CHECK(emulated.costs.bytes[static_cast<std::size_t>(Cause::kPayload)] == 0);
}

struct Change {
  const char* name;
  void (*apply)(RunConfig&, AccessLink&);
  bool only_fp32_diloco = false;  // needs large messages after a pause to be seen
};

const std::vector<Change> kChanges{
    {"half the rate",
     [](RunConfig&, AccessLink& line) { line.up = line.down = BytesPerSecond{1'250'000}; }},
    {"a slow way up", [](RunConfig&, AccessLink& line) { line.up = BytesPerSecond{500'000}; }},
    {"twice the delay", [](RunConfig&, AccessLink& line) { line.delay *= 2; }},
    {"no headers", [](RunConfig& config, AccessLink&) { config.network.header_bytes = 0; }},
    {"small packets", [](RunConfig& config, AccessLink&) { config.network.mss = 536; }},
    {"a small window", [](RunConfig& config, AccessLink&) { config.network.window = 4096; }},
    {"jitter", [](RunConfig& config, AccessLink&) { config.compute.jitter = 0.2; }},
    {"slow memory", [](RunConfig& config,
                       AccessLink&) { config.compute.memory_rate = BytesPerSecond{10'000'000}; }},
    {"ideal", [](RunConfig& config, AccessLink&) { config.network.tcp = "ideal"; }, true},
    {"no idle restart", [](RunConfig& config, AccessLink&) { config.network.idle_restart = false; },
     true},
    {"small pieces", [](RunConfig& config, AccessLink&) { config.collective.piece = 8192; }, true},
    {"no eager messages", [](RunConfig& config, AccessLink&) { config.collective.eager_limit = 0; },
     true},
    {"small pieces over three connections",
     [](RunConfig& config, AccessLink&) {
       config.collective.piece = 8192;
       config.collective.connections = 3;
     },
     true},
};

TEST_CASE("another network, or another pace, changes the clock and never the training", "[run]") {
  for (const Way& way : kWays) {
    const ArmResult usual = Trial(settings(way)).arm(way.strategy);
    for (const Change& change : kChanges) {
      RunConfig config = settings(way);
      AccessLink line = kHomeLine;
      change.apply(config, line);
      const ArmResult changed = Trial(config, {}, line).arm(way.strategy);
      INFO(way.strategy << ", " << way.codec << ", " << way.algorithm << ": " << change.name);
      check_same_training(changed, usual);
      const bool fp32_diloco = way.strategy == "diloco" && way.codec == "fp32";
      if (fp32_diloco || !change.only_fp32_diloco) CHECK(changed.costs.time != usual.costs.time);
    }
  }
}

// A window of 16 KiB lets through 16 KiB per round trip and connection.
TEST_CASE("more connections carry more where the window is the limit", "[run]") {
  RunConfig config = settings(kWays[0]);
  config.collective.piece = 8192;
  config.network.window = 16 * 1024;
  const ArmResult one = Trial(config).arm("diloco");
  config.collective.connections = 3;
  const ArmResult three = Trial(config).arm("diloco");
  check_same_training(three, one);
  CHECK(three.costs.time < one.costs.time);
}

TEST_CASE("an outage costs time and changes nothing else", "[run]") {
  const Way way = kWays[0];
  const ArmResult usual = Trial(settings(way)).arm(way.strategy);
  const std::vector<NetworkEvent> outage{
      link_event(Nanos{450'000'000}, NetworkEventKind::kLinkDown, 2),
      link_event(Nanos{950'000'000}, NetworkEventKind::kLinkUp, 2),
  };
  const ArmResult hit = Trial(settings(way), {}, kHomeLine, outage).arm(way.strategy);
  check_same_training(hit, usual);
  CHECK(hit.costs.time > usual.costs.time + Nanos{300'000'000});
  const std::vector<NetworkEvent> pause{{.time = Nanos{500'000'000},
                                         .kind = NetworkEventKind::kIslandPause,
                                         .island = 1,
                                         .duration = Nanos{2'000'000'000}}};
  const ArmResult paused = Trial(settings(way), {}, kHomeLine, pause).arm(way.strategy);
  check_same_training(paused, usual);
  CHECK(paused.costs.time > usual.costs.time + Nanos{1'000'000'000});
}

// Steps of 100 ms, four of them in a round.
TEST_CASE("a straggler costs time and changes nothing else", "[run]") {
  for (const Way& way : {kWays[0], kWays[4]}) {
    const ArmResult usual = Trial(settings(way)).arm(way.strategy);
    const std::vector<NetworkEvent> slow{{.time = Nanos{0},
                                          .kind = NetworkEventKind::kIslandSpeed,
                                          .island = 1,
                                          .speed_ppm = 250'000},
                                         {.time = Nanos{400'000'000},
                                          .kind = NetworkEventKind::kIslandSpeed,
                                          .island = 1,
                                          .speed_ppm = 1'000'000}};
    const ArmResult late = Trial(settings(way), {}, kHomeLine, slow).arm(way.strategy);
    check_same_training(late, usual);
    // A step's work in the time of four.
    CHECK(late.costs.time > usual.costs.time + Nanos{250'000'000});
    CHECK(late.costs.time < usual.costs.time + Nanos{350'000'000});
  }
}

// What is priced without training is what training costs: the same messages at the same times.
TEST_CASE("data parallelism priced at full size takes the arm's time to the nanosecond", "[run]") {
  for (const double jitter : {0.0, 0.3}) {
    for (const Way& way : kWays) {
      if (way.strategy != "data_parallel") continue;
      RunConfig config = settings(way);
      config.compute.jitter = jitter;
      const Trial trial(config);
      const ArmResult arm = trial.arm("data_parallel");
      INFO(way.codec << ", " << way.algorithm << ", jitter " << jitter);
      CHECK(trial.price(0, 8, trial.size()) == arm.costs.time);
      CHECK(arm.rows.back().time == arm.costs.time);
      CHECK(trial.price(0, 8, trial.size() / 2) < arm.costs.time);
    }
  }
}

// Jitter is drawn by step number, so the price has to begin where the arm does.
TEST_CASE("the price of steps after pretraining is that of the arm that branched off", "[run]") {
  RunConfig config = settings(kWays[4]);
  config.pretrain.steps = 3;
  config.compute.jitter = 0.3;
  const Trial trial(config);
  const Checkpoint checkpoint = trial.pretrained().checkpoint;
  const ArmResult arm = trial.arm("data_parallel", 4, &checkpoint);
  CHECK(trial.price(3, 8, trial.size()) == arm.costs.time);
  CHECK(trial.price(0, 8, trial.size()) != arm.costs.time);
}

}  // namespace
}  // namespace strait
