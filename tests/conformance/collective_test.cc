// Every collective must do this: the table below of networks x algorithms x codecs, each over
// island counts and sizes. A new row of any table is tested by adding its name.
#include <cmath>
#include <cstring>

#include "core/base/rng.h"
#include "tests/conformance/networks.h"
#include "tests/support/catch.h"
#include "tests/support/test_world.h"

namespace strait {
namespace {

std::vector<float> contribution(IslandId island, std::size_t size) {
  Rng rng(11, "contribution", static_cast<std::uint64_t>(island));
  std::vector<float> values(size);
  for (auto& v : values) v = static_cast<float>(2 * rng.uniform() - 1);
  return values;
}

struct Case {
  NetworkRow network;
  std::string algorithm;
  std::string codec;
  int islands = 2;
  std::size_t size = 0;
};

struct Result {
  std::vector<std::vector<float>> out;
  std::vector<std::vector<float>> in_after;
  std::vector<bool> ok;
  Bytes payload = 0;
  std::uint64_t trace = 0;
};

Result run(const Case& c, const Roster& roster) {
  TestWorldOptions options{.islands = c.islands, .network = c.network.make};
  options.collective.algorithm = c.algorithm;
  options.collective.codec = c.codec;
  options.collective.piece_bytes = 16 * 1024;  // several pieces already for small sizes
  TestWorld world(options);
  const auto k = static_cast<std::size_t>(c.islands);
  Result result{.out = std::vector<std::vector<float>>(k),
                .in_after = std::vector<std::vector<float>>(k),
                .ok = std::vector<bool>(k)};
  std::vector<char> ok(k);
  world.run([&](IslandId i, TestWorld::Ports& ports) {
    const auto n = static_cast<std::size_t>(i);
    result.in_after[n] = contribution(i, c.size);
    result.out[n].assign(c.size, -7.0f);
    auto ticket = ports.collective.start({.number = 1, .ledger_round = 1}, result.in_after[n],
                                         result.out[n], roster);
    ok[n] = ticket.wait().ok();
  });
  for (std::size_t n = 0; n < k; ++n) result.ok[n] = ok[n] != 0;
  result.payload = world.ledger.total(Cause::kPayload);
  result.trace = world.trace.hash();
  return result;
}

/// Added in island order as decoded, multiply then add, in float.
std::vector<float> expected_mean(const Case& c, const Roster& roster) {
  const auto codec = make_codec(c.codec);
  std::vector<float> sum(c.size, 0.0f);
  for (const auto& member : roster.contributors()) {
    const auto values = contribution(member.island, c.size);
    std::vector<std::byte> bytes(
        static_cast<std::size_t>(codec->encoded_size(static_cast<std::int64_t>(c.size))));
    codec->encode(values, bytes);
    codec->decode_add(bytes, member.weight, sum);
  }
  return sum;
}

double largest(const std::vector<float>& values) {
  double most = 0;
  for (const float v : values) most = std::max(most, std::abs(static_cast<double>(v)));
  return most;
}

TEST_CASE("every collective gives the same mean to every island", "[collective]") {
  for (const auto& network : network_rows()) {
    for (const auto algorithm : algorithm_names()) {
      for (const auto codec : codec_names()) {
        for (const int islands : {1, 2, 3, 4, 8}) {
          for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{300},
                                         std::size_t{4096}, std::size_t{50'001}}) {
            const Case c{network, std::string(algorithm), std::string(codec), islands, size};
            INFO(network.name << " " << algorithm << " " << codec << " k=" << islands
                              << " n=" << size);
            const Roster roster = everyone(islands);
            const Result result = run(c, roster);
            const auto mean = expected_mean(c, roster);
            // Blocks begin where shards and pieces begin, so int8 scales may be cut differently in
            // the reference: half a step of each of the two quantizations.
            const double tolerance = codec == "fp32" ? 0 : 1.01 / 127;
            for (std::size_t n = 0; n < result.out.size(); ++n) {
              REQUIRE(result.ok[n]);
              CHECK(result.in_after[n] == contribution(static_cast<IslandId>(n), size));
              CHECK((size == 0 || std::memcmp(result.out[n].data(), result.out[0].data(),
                                              size * sizeof(float)) == 0));
              std::vector<float> error(size);
              for (std::size_t e = 0; e < size; ++e) error[e] = result.out[n][e] - mean[e];
              CHECK(largest(error) <= tolerance);
            }
          }
        }
      }
    }
  }
}

TEST_CASE("a receiver of weight 0 gets the mean of the others", "[collective]") {
  for (const auto& network : network_rows()) {
    for (const auto algorithm : algorithm_names()) {
      const Case c{network, std::string(algorithm), "fp32", 3, 5000};
      INFO(network.name << " " << algorithm);
      const Roster roster{{{0, 0.25f}, {1, 0.0f}, {2, 0.75f}}};
      const Result result = run(c, roster);
      const auto mean = expected_mean(c, roster);
      for (std::size_t n = 0; n < 3; ++n) {
        REQUIRE(result.ok[n]);
        CHECK(result.out[n] == mean);
      }
    }
  }
}

TEST_CASE("payload bytes are those of the algorithm's formula", "[collective]") {
  for (const auto& network : network_rows()) {
    const int k = 4;
    const std::size_t n = 40'960;
    const Bytes encoded = static_cast<Bytes>(n * sizeof(float));
    // two_phase: each island sends (k-1)/k of its contribution and (k-1) copies of its shard's
    // mean.
    CHECK(run({network, "two_phase", "fp32", k, n}, everyone(k)).payload == 2 * (k - 1) * encoded);
    CHECK(run({network, "gather", "fp32", k, n}, everyone(k)).payload == k * (k - 1) * encoded);
  }
}

TEST_CASE("the pipe and every other network give the same bits", "[collective]") {
  for (const auto algorithm : algorithm_names()) {
    for (const auto codec : codec_names()) {
      Case c{network_rows().front(), std::string(algorithm), std::string(codec), 4, 30'000};
      const Result reference = run(c, everyone(4));
      for (const auto& network : network_rows()) {
        c.network = network;
        const Result result = run(c, everyone(4));
        INFO(network.name << " " << algorithm << " " << codec);
        CHECK(result.out == reference.out);
        CHECK(result.payload == reference.payload);
      }
    }
  }
}

TEST_CASE("the same exchange has the same trace twice", "[collective]") {
  for (const auto& network : network_rows()) {
    const Case c{network, "two_phase", "int8", 5, 30'000};
    CHECK(run(c, everyone(5)).trace == run(c, everyone(5)).trace);
  }
}

TEST_CASE("several exchanges may be in flight while an island computes", "[collective]") {
  using namespace std::chrono_literals;
  for (const auto& network : network_rows()) {
    TestWorld world({.islands = 3, .network = network.make});
    constexpr std::size_t kSize = 2000;
    std::vector<std::vector<float>> sums(3, std::vector<float>(kSize));
    world.run([&](IslandId i, TestWorld::Ports& ports) {
      const std::vector<float> a(kSize, static_cast<float>(i)), b(kSize, 10.0f);
      std::vector<float> mean_a(kSize), mean_b(kSize);
      auto first = ports.collective.start({.number = 1}, a, mean_a, everyone(3));
      auto second = ports.collective.start({.fragment = 1, .number = 1}, b, mean_b, everyone(3));
      ports.clock.compute(1s, [] {});
      const bool ok = second.wait().ok() && first.wait().ok();
      for (std::size_t e = 0; e < kSize; ++e) {
        sums[static_cast<std::size_t>(i)][e] = ok ? mean_a[e] + mean_b[e] : -1.0f;
      }
    });
    for (const auto& sum : sums) {
      CHECK(sum.front() == Approx(11));
      CHECK(sum == sums[0]);
    }
  }
}

}  // namespace
}  // namespace strait
