// What an island does that has missed rounds: each policy, with every number worked out by hand.
//
// Three islands and a task without chance: every inner step of island i takes the same gradient g_i
// on every parameter, so H steps at rate lr move its parameters by -d_i, d_i = H lr g_i:
//
//   d = (3, 6, 12), theta(0) = 0, outer momentum 0.5 at rate 1: buf = buf / 2 + Delta,
//   theta -= buf
//
// A round takes 2 s (H = 2 steps of 1 s). Island 2's link is down from 3 s to 7.5 s, in rounds 2
// and 3. Two islands are a quorum, with 0.5 s of grace, so the others commit
//   round 1 at 2.0 s with all three
//   round 2 at 4.5 s and round 3 at 7.0 s without island 2.
// Island 2 is ready for round 2 at 4 s, hears nothing, and has missed it at 6 s. It goes on from
// its own parameters, is at its next boundary at 8 s, and finds the others in round 4, which they
// close at 9 s, and round 5 at 11 s. In these rounds, until 3, theta is
//   round 1   Delta = (3 + 6 + 12) / 3 = 7   buf = 7                   theta =  -7
//   round 2   Delta = (3 + 6) / 2 = 4.5      buf = 3.5 + 4.5 = 8       theta = -15
//   round 3   Delta = 4.5                    buf = 4 + 4.5 = 8.5       theta = -23.5
// and island 2 has, after its steps of rounds 1, 2 and 3: -12, -7 - 12 = -19, -31.
#include <algorithm>
#include <array>
#include <cmath>

#include "tests/support/catch.h"
#include "tests/support/trial.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

/// One island's gradient is the same at every step.
class SteadyTask final : public TaskWrapper {
 public:
  using TaskWrapper::TaskWrapper;

  void initialize() override { std::fill(parameters().begin(), parameters().end(), 0.0f); }
  StepWork accumulate_gradient(BatchKey key, float scale) override {
    constexpr std::array kGradients{3.0f, 6.0f, 12.0f};
    constexpr std::array<std::int64_t, 3> kExamples{1, 1, 2}, kTokens{4, 2, 2};
    const auto n = static_cast<std::size_t>(key.island);
    for (const Parameter& p : layout().parameters()) {
      for (std::int64_t i = p.offset; i < p.offset + p.size; ++i) {
        gradients()[static_cast<std::size_t>(i)] += scale * kGradients[n];
      }
    }
    losses_.push_back(1.0);
    return {.examples = kExamples[n], .tokens = kTokens[n]};
  }
  std::vector<double> take_losses() override { return std::exchange(losses_, {}); }

 private:
  std::vector<double> losses_;
};

RunConfig settings(const std::string& missed, int rounds = 5) {
  RunConfig config = small_quadratic();
  config.run = {.islands = 3, .rounds = rounds, .inner_steps = 2, .seed = 7};
  config.quadratic.size = 130;
  config.inner = {
      .optimizer = "sgd", .lr = 0.5, .weight_decay = 0, .clip_norm = 0, .warmup = 0, .final_lr = 1};
  config.outer = {.optimizer = "momentum", .lr = 1, .momentum = 0.5};
  config.rounds = {.quorum = 2, .grace = 500ms, .missed = missed, .miss_after = 1s};
  config.compute = {.step = 1s, .memory_rate = kUnlimited};
  config.network.kind = "emulated";
  config.eval.every = 1;
  return config;
}

class OutageTrial : public Trial {
 public:
  explicit OutageTrial(const RunConfig& run)
      : Trial(run,
              [](std::unique_ptr<Task> task) {
                return std::make_unique<SteadyTask>(std::move(task));
              },
              {.delay = 1ms},
              {link_event(3s, NetworkEventKind::kLinkDown, 2),
               link_event(7500ms, NetworkEventKind::kLinkUp, 2)}) {}
};

/// The value that all parameters have.
double value_of(std::span<const float> parameters) {
  const float first = parameters[0];
  for (const float p : parameters) {
    if (p != first && p != 0) return std::nan("");  // padding is zero
  }
  return first;
}

/// theta after each round, and that all members have the same.
std::vector<double> thetas(const Notes& notes, const ArmResult& result) {
  std::vector<double> values;
  for (std::uint32_t round = 1; round < result.rows.size(); ++round) {
    std::optional<double> theta;
    for (const auto& member : result.rows[round].roster.members) {
      const double own = value_of(notes.shared_after(round, member.island));
      if (theta && own != *theta) return {};
      theta = own;
    }
    values.push_back(theta.value_or(std::nan("")));
  }
  return values;
}

void check_close(const std::vector<double>& values, const std::vector<double>& expected) {
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    INFO("round " << i + 1);
    CHECK(values[i] == Approx(expected[i]).epsilon(1e-6));
  }
}

std::vector<int> contributors(const ArmResult& result) {
  std::vector<int> counts;
  for (std::size_t r = 1; r < result.rows.size(); ++r) {
    counts.push_back(static_cast<int>(result.rows[r].roster.contributors().size()));
  }
  return counts;
}

// continue: island 2 keeps -31; what it contributes is measured from theta(3).
//   round 4   Delta_2 = -23.5 + 31 = 7.5; Delta = (3 + 6 + 7.5) / 3 = 5.5
//             buf = 4.25 + 5.5 = 9.75      theta = -33.25
//   round 5   Delta = 7, buf = 4.875 + 7 = 11.875, theta = -45.125
TEST_CASE("continue: the island keeps its parameters, only the reference moves", "[policies]") {
  // Whether the island replays two means or takes a copy of the state: the same bits.
  for (const int keep : {4, 1}) {
    RunConfig run = settings("continue");
    run.rounds.keep = keep;
    const OutageTrial trial(run);
    Notes notes;
    const ArmResult result = trial.arm("diloco", 3, nullptr, &notes);
    INFO("keeps " << keep);
    check_close(thetas(notes, result), {-7, -15, -23.5, -33.25, -45.125});
    CHECK(value_of(notes.own(2, 2)) == Approx(-19));
    CHECK(value_of(notes.own(3, 2)) == Approx(-31));
    CHECK(contributors(result) == std::vector<int>{3, 2, 2, 3, 3});
    CHECK(missing(result) == std::vector<int>{0, 1, 1, 0, 0});
    CHECK(result.discarded_tokens == 0);
    // Blocks of 2 steps: islands 0 and 1 five, of 8 and 4 tokens; island 2 four, of 4.
    CHECK(result.tokens == 5 * 8 + 5 * 4 + 4 * 4);
  }
}

// receive: in round 4 island 2 only takes the mean; what it did since theta(1) is lost.
//   round 4   Delta = 4.5, buf = 4.25 + 4.5 = 8.75, theta = -32.25
//   round 5   Delta = 7, buf = 4.375 + 7 = 11.375, theta = -43.625
TEST_CASE("receive: the island takes the open round's mean and starts from there", "[policies]") {
  const OutageTrial trial(settings("receive"));
  Notes notes;
  const ArmResult result = trial.arm("diloco", 3, nullptr, &notes);
  check_close(thetas(notes, result), {-7, -15, -23.5, -32.25, -43.625});
  CHECK(contributors(result) == std::vector<int>{3, 2, 2, 2, 3});
  CHECK(missing(result) == std::vector<int>{0, 1, 1, 0, 0});
  CHECK(value_of(notes.own(5, 2)) == Approx(-32.25 - 12));
  CHECK(result.discarded_tokens == 2 * 4);  // its steps of rounds 2 and 3
  CHECK(result.rows[4].discarded_tokens == 2 * 4);
}

// rejoin: island 2 starts from theta(3) at 8 s, sits round 4 out, and contributes to round 5.
//   round 4   Delta = 4.5, buf = 8.75, theta = -32.25
//             island 2: -23.5 - 12 = -35.5
//   round 5   Delta_2 = -32.25 + 35.5 = 3.25; Delta = (3 + 6 + 3.25) / 3 = 4.083333
//             buf = 4.375 + 4.083333 = 8.458333, theta = -40.708333
TEST_CASE("rejoin: the island starts from the shared copy and sits a round out", "[policies]") {
  const OutageTrial trial(settings("rejoin"));
  Notes notes;
  const ArmResult result = trial.arm("diloco", 3, nullptr, &notes);
  check_close(thetas(notes, result), {-7, -15, -23.5, -32.25, -40.708333});
  CHECK(contributors(result) == std::vector<int>{3, 2, 2, 2, 3});
  CHECK(missing(result) == std::vector<int>{0, 1, 1, 1, 0});
  CHECK(value_of(notes.own(5, 2)) == Approx(-35.5));
  CHECK(result.discarded_tokens == 2 * 4);
}

// Of four rounds, two missed: the same without round 5.
TEST_CASE("continue and receive in the last round", "[policies]") {
  const std::tuple<std::string, double, int> expected[] = {{"continue", -33.25, 3},
                                                           {"receive", -32.25, 2}};
  for (const auto& [missed, theta, members] : expected) {
    INFO(missed);
    const OutageTrial trial(settings(missed, /*rounds=*/4));
    Notes notes;
    const ArmResult result = trial.arm("diloco", 3, nullptr, &notes);
    check_close(thetas(notes, result), {-7, -15, -23.5, theta});
    CHECK(contributors(result) == std::vector<int>{3, 2, 2, members});
    CHECK(missing(result) == std::vector<int>{0, 1, 1, 0});
    CHECK(value_of(result.shared) == Approx(theta));
  }
}

// There is no round after the last in which it could contribute, so it takes that one's mean.
TEST_CASE("rejoin in the last round only receives", "[policies]") {
  const OutageTrial trial(settings("rejoin", /*rounds=*/4));
  Notes notes;
  const ArmResult result = trial.arm("diloco", 3, nullptr, &notes);
  check_close(thetas(notes, result), {-7, -15, -23.5, -32.25});
  CHECK(contributors(result) == std::vector<int>{3, 2, 2, 2});
  CHECK(missing(result) == std::vector<int>{0, 1, 1, 0});
  CHECK(value_of(result.shared) == Approx(-32.25));
}

// Examples per step (1, 1, 2): weights 1/4, 1/4, 1/2. In round 4 island 2 brings the work of two
// blocks, 8 examples beside 2 and 2.
//   round 1   Delta = 0.75 + 1.5 + 6 = 8.25, buf = 8.25, theta = -8.25
//   round 2   Delta = 4.5, buf = 8.625, theta = -16.875
//   round 3   Delta = 4.5, buf = 8.8125, theta = -25.6875;  island 2: -8.25 - 24 = -32.25
//   round 4   Delta_2 = 6.5625; Delta = 3/6 + 6/6 + 6.5625 * 2/3 = 5.875
//             buf = 4.40625 + 5.875 = 10.28125, theta = -35.96875
//   round 5   Delta = 8.25, buf = 13.390625, theta = -49.359375
TEST_CASE("weights by examples count the work since the last contribution", "[policies]") {
  RunConfig run = settings("continue");
  run.rounds.weights = "examples";
  const OutageTrial trial(run);
  Notes notes;
  const ArmResult result = trial.arm("diloco", 3, nullptr, &notes);
  check_close(thetas(notes, result), {-8.25, -16.875, -25.6875, -35.96875, -49.359375});
  CHECK(result.rows[4].roster.weight_of(2) == static_cast<float>(2.0 / 3));
}

// Tokens per step (4, 2, 2): weights 1/2, 1/4, 1/4.
//   round 1   Delta = 1.5 + 1.5 + 3 = 6, theta = -6
TEST_CASE("weights by tokens", "[policies]") {
  RunConfig run = settings("continue", /*rounds=*/1);
  run.rounds.weights = "tokens";
  const OutageTrial trial(run);
  Notes notes;
  const ArmResult result = trial.arm("diloco", 3, nullptr, &notes);
  check_close(thetas(notes, result), {-6});
  CHECK(result.rows[1].roster.weight_of(0) == 0.5f);
}

TEST_CASE("rows, events and bytes tell of missed rounds, the same on every repeat", "[policies]") {
  const OutageTrial trial(settings("continue"));
  const ArmResult first = trial.arm("diloco", 3), second = trial.arm("diloco", 3);
  CHECK(first.costs.trace_hash == second.costs.trace_hash);
  CHECK(first.parameter_hash == second.parameter_hash);
  CHECK(count(first, TraceKind::kRound) == 5);
  CHECK(count(first, TraceKind::kCaughtUp) == 1);
  CHECK(first.costs.bytes[static_cast<std::size_t>(Cause::kCatchUp)] > 2 * 130 * 4);
  REQUIRE(first.rows.size() == 6);
  for (std::size_t r = 1; r <= 5; ++r) {
    INFO("round " << r);
    CHECK(first.rows[r].attempts == 1);
    CHECK(first.rows[r].time == second.rows[r].time);
    CHECK(first.rows[r].tokens == second.rows[r].tokens);
    CHECK_FALSE(first.rows[r].held_out.empty());
  }
  // Work of rounds without island 2 is in no row until it contributes: 8 + 4 a round, then its 8.
  CHECK(first.rows[3].tokens == 16 + 12 + 12);
  CHECK(first.rows[4].tokens == 16 + 12 + 12 + 12 + 8);
  CHECK(first.rows[5].tokens == first.tokens);
}

TEST_CASE("names of policies and weights are those of the settings", "[policies]") {
  CHECK(missed_rounds("rejoin") == MissedRounds::kRejoin);
  CHECK(weights("examples") == Weights::kExamples);
  CHECK_THROWS_WITH(missed_rounds("wait"),
                    "rounds.missed: 'wait' is no policy; use one of: continue, receive, rejoin");
  CHECK_THROWS_WITH(weights("bytes"),
                    "rounds.weights: 'bytes' is no weighting; use one of: uniform, examples, "
                    "tokens");
}

}  // namespace
}  // namespace strait
