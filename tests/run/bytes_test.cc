// Bytes, from the ledger: what crosses the wire is one buffer of parameters per exchange, and
// DiLoCo exchanges once where data parallelism does H times.
#include "tests/support/catch.h"
#include "tests/support/trial.h"

namespace strait {
namespace {

Bytes of(const Costs& costs, Cause cause) { return costs.bytes[static_cast<std::size_t>(cause)]; }

/// Payload of one exchange of `elements` floats in fp32 among k islands. two_phase: every element
/// goes to its owner from k - 1 islands and back to k - 1; star: to the hub; ring: k - 1 hops as a
/// sum and k - 1 as the mean; gather: from everybody to everybody.
Bytes exchange_bytes(const std::string& algorithm, std::int64_t elements, int k) {
  const Bytes whole = elements * static_cast<Bytes>(sizeof(float));
  return algorithm == "gather" ? k * (k - 1) * whole : 2 * (k - 1) * whole;
}

TEST_CASE("payload of data parallelism and of diloco is as H to 1", "[bytes]") {
  for (const std::string algorithm : {"two_phase", "gather", "ring", "star"}) {
    for (const std::string codec : {"fp32", "bf16", "int8"}) {
      for (const int islands : {2, 3, 5}) {
        for (const int inner_steps : {1, 4, 12}) {
          RunConfig config = small_quadratic();
          config.run.islands = islands;
          config.run.rounds = 12 / inner_steps;
          config.run.inner_steps = inner_steps;
          config.collective.algorithm = algorithm;
          config.collective.codec = codec;
          const Trial trial(config);
          const ArmResult diloco = trial.arm("diloco");
          const ArmResult parallel = trial.arm("data_parallel");
          INFO(algorithm << ", " << codec << ", " << islands << " islands, H = " << inner_steps);
          CHECK(of(diloco.costs, Cause::kPayload) > 0);
          CHECK(of(parallel.costs, Cause::kPayload) ==
                inner_steps * of(diloco.costs, Cause::kPayload));
          CHECK(diloco.rows.back().step == parallel.rows.back().step);
        }
      }
    }
  }
}

// AdamW's m and v would make it three buffers.
TEST_CASE("an exchange carries one buffer of parameters, inner state stays at home", "[bytes]") {
  for (const std::string algorithm : {"two_phase", "gather", "ring", "star"}) {
    for (const int islands : {2, 3, 4, 7}) {
      RunConfig config = small_quadratic();
      config.run.islands = islands;
      config.inner.optimizer = "adamw";
      config.collective.algorithm = algorithm;
      const Trial trial(config);
      const Bytes expected = exchange_bytes(algorithm, trial.size(), islands);
      INFO(algorithm << ", " << islands << " islands");
      const ArmResult diloco = trial.arm("diloco");
      for (std::size_t round = 1; round < diloco.rows.size(); ++round) {
        CHECK(diloco.rows[round].payload - diloco.rows[round - 1].payload == expected);
      }
      CHECK(of(diloco.costs, Cause::kPayload) == 4 * expected);
      CHECK(of(trial.arm("data_parallel").costs, Cause::kPayload) == 20 * expected);
      CHECK(of(trial.arm("local").costs, Cause::kPayload) == 0);
      for (const Cause cause : {Cause::kStart, Cause::kAborted, Cause::kCatchUp}) {
        CHECK(of(diloco.costs, cause) == 0);
      }
    }
  }
}

TEST_CASE("pretraining hands out parameters and inner state once, as start and nothing else",
          "[bytes]") {
  for (const auto& [optimizer, buffers] : {std::pair("adamw", 3), std::pair("sgd", 1)}) {
    for (const int islands : {1, 2, 5}) {
      RunConfig config = small_quadratic();
      config.run.islands = islands;
      config.inner.optimizer = optimizer;
      config.pretrain.steps = 4;
      const Trial trial(config);
      const Pretraining pretraining = trial.pretrained();
      const Bytes whole = trial.size() * static_cast<Bytes>(sizeof(float));
      INFO(optimizer << ", " << islands << " islands");
      CHECK(of(pretraining.costs, Cause::kStart) == buffers * (islands - 1) * whole);
      for (const Cause cause : {Cause::kPayload, Cause::kAborted, Cause::kCatchUp}) {
        CHECK(of(pretraining.costs, cause) == 0);
      }
      const ArmResult arm = trial.arm("diloco", islands, &pretraining.checkpoint);
      CHECK(of(arm.costs, Cause::kStart) == 0);  // an arm's own bytes begin at the branch point
    }
  }
}

TEST_CASE("the ledger's rows add up to its totals, and rounds to their rows", "[bytes]") {
  RunConfig config = small_quadratic();
  const ArmResult result = Trial(config).arm("diloco");
  std::array<Bytes, kCauses> sums{};
  std::map<std::int64_t, Bytes> payload;
  for (const Ledger::Row& row : result.ledger) {
    sums[static_cast<std::size_t>(row.cause)] += row.bytes;
    if (row.cause == Cause::kPayload) payload[row.round] += row.bytes;
    CHECK(row.from != row.to);
  }
  CHECK(sums == result.costs.bytes);
  Bytes sum = 0;
  for (const RoundRow& row : result.rows) CHECK(row.payload == (sum += payload[row.round]));
}

}  // namespace
}  // namespace strait
