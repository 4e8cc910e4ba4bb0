// Every collective must do this: the table below of networks x algorithms x codecs, each over
// island counts and sizes. A new row of any table is tested by adding its name.
#include <cmath>
#include <memory>

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
  std::string result_codec = {};  // empty: like the contributions
  Bytes piece_bytes = 16 * 1024;  // several pieces already for small sizes
  Bytes eager_limit = 1 << 20;
  int connections = 1;
};

struct Result {
  std::vector<std::vector<float>> out;
  std::vector<std::vector<float>> in_after;
  std::vector<bool> ok;
  Bytes payload = 0;
  std::uint64_t trace = 0;
};

Result run(const Case& c, const Roster& roster) {
  TestWorldOptions options{.islands = c.islands,
                           .eager_limit = c.eager_limit,
                           .connections = c.connections,
                           .network = c.network.make};
  options.collective.algorithm = c.algorithm;
  options.collective.codec = c.codec;
  options.collective.result_codec = c.result_codec;
  options.collective.piece_bytes = c.piece_bytes;
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

/// All of `out` the same bits, and near what it should be.
void check_mean(const Case& c, const Roster& roster, const Result& result, double tolerance) {
  const auto mean = expected_mean(c, roster);
  for (std::size_t n = 0; n < result.out.size(); ++n) {
    REQUIRE(result.ok[n]);
    CHECK(result.in_after[n] == contribution(static_cast<IslandId>(n), c.size));
    CHECK(result.out[n] == result.out[0]);
    std::vector<float> error(c.size);
    for (std::size_t e = 0; e < c.size; ++e) error[e] = result.out[n][e] - mean[e];
    CHECK(largest(error) <= tolerance);
  }
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
            // Blocks begin where shards and pieces begin, so int8 scales may be cut differently in
            // the reference: half a step of each of the two quantizations.
            check_mean(c, roster, result, codec == "fp32" ? 0 : 1.01 / 127);
          }
        }
      }
    }
  }
}

TEST_CASE("a receiver of weight 0 gets the mean of the others", "[collective]") {
  for (const auto& network : network_rows()) {
    for (const auto algorithm : algorithm_names()) {
      for (const auto codec : codec_names()) {
        const Case c{network, std::string(algorithm), std::string(codec), 4, 5000};
        INFO(network.name << " " << algorithm << " " << codec);
        // The first, one in the middle, and only one contributor.
        for (const Roster& roster : {Roster{{{0, 0.0f}, {1, 0.25f}, {2, 0.0f}, {3, 0.75f}}},
                                     Roster{{{0, 0.0f}, {1, 0.0f}, {2, 1.0f}, {3, 0.0f}}}}) {
          check_mean(c, roster, run(c, roster), codec == "fp32" ? 0 : 1.01 / 127);
        }
      }
    }
  }
}

TEST_CASE("the mean may travel in another codec than the contributions", "[collective]") {
  for (const auto& network : network_rows()) {
    for (const auto codec : codec_names()) {
      for (const auto result_codec : codec_names()) {
        const Case c{network, "two_phase", std::string(codec),
                     3,       20'000,      std::string(result_codec)};
        INFO(network.name << " " << codec << " back in " << result_codec);
        const Result result = run(c, everyone(3));
        // Half a step for scales that are cut differently, half a step for the way back.
        const double steps = (codec == "fp32" ? 0 : 0.5) + (result_codec == "fp32" ? 0 : 0.5);
        check_mean(c, everyone(3), result, 1.01 * steps / 127);
      }
    }
  }
}

TEST_CASE("pieces, announcements and several connections change no bit", "[collective]") {
  for (const auto& network : network_rows()) {
    for (const auto algorithm : algorithm_names()) {
      Case c{network, std::string(algorithm), "fp32", 3, 30'000};
      const Result reference = run(c, everyone(3));
      for (const Bytes piece : {Bytes{4}, Bytes{1024}, Bytes{4000}, Bytes{1 << 20}}) {
        if (piece == 4) c.size = 300;  // a message per element
        INFO(network.name << " " << algorithm << " pieces of " << piece);
        c.piece_bytes = piece;
        c.eager_limit = 2000;  // so that some pieces are announced
        c.connections = 3;
        const Result result = run(c, everyone(3));
        if (piece == 4) {
          check_mean(c, everyone(3), result, 0);
          c.size = 30'000;
        } else {
          CHECK(result.out == reference.out);
          CHECK(result.payload == reference.payload);
        }
      }
    }
  }
}

// Two islands of 100,000 elements over 8 Mbit/s up and down and 30 ms each way (15 + 15), TCP
// headers and slow start off, adding free, one piece per shard. On the connection that stands:
//
//   0                contributions leave: one frame of 40 + 4 x 50,000 bytes at 1 MB/s: 200.040 ms
//   200.040          the last byte has left and is there 30 ms later, at 230.040: the owner adds
//   230.040          means leave: another 200.040 ms, and 30 ms of delay
//   460.080 ms       the last byte of the mean is there
TEST_CASE("two_phase takes two shards and two delays", "[collective]") {
  using namespace std::chrono_literals;
  TestWorldOptions options{.islands = 2, .frame_bytes = 1 << 20};
  options.network = [](Loop& loop, Trace& trace, int islands) {
    EmulatedOptions emulated;
    emulated.tcp.header = 0;
    emulated.tcp.slow_start = false;
    return make_fabric("emulated", loop, trace,
                       {.islands = islands,
                        .description = describe_network(
                            std::vector<AccessLink>(2, {megabits(8), megabits(8), 15ms})),
                        .emulated = emulated});
  };
  options.collective.memory_rate = kUnlimited;
  options.collective.piece_bytes = 1 << 20;
  TestWorld world(options);
  std::vector<Nanos> took(2);
  world.run([&](IslandId i, TestWorld::Ports& ports) {
    const std::vector<float> in(100'000, 1.0f);
    std::vector<float> out(100'000);
    ports.clock.compute(1s, [] {});  // the connection stands by now
    const bool ok = ports.collective.start({.number = 1}, in, out, everyone(2)).wait().ok();
    took[static_cast<std::size_t>(i)] = ok ? ports.clock.now() - 1s : Nanos{-1};
  });
  CHECK(took[0] == 460'080us);
  CHECK(took[1] == 460'080us);
}

TEST_CASE("an exchange that fails gives the memory back", "[collective]") {
  for (const auto& network : network_rows()) {
    for (const auto algorithm : algorithm_names()) {
      INFO(network.name << " " << algorithm);
      TestWorldOptions options{.islands = 2, .eager_limit = 10'000, .network = network.make};
      options.collective.algorithm = algorithm;
      TestWorld world(options);
      std::vector<std::string> why(2);
      world.run([&](IslandId i, TestWorld::Ports& ports) {
        // Both differ from what the other sends.
        const std::size_t size = i == 0 ? 20'000 : 30'000;
        auto in = std::make_unique<std::vector<float>>(size, 1.0f);
        auto out = std::make_unique<std::vector<float>>(size);
        const auto told = ports.collective.start({.number = 1}, *in, *out, everyone(2)).wait();
        in.reset();
        out.reset();
        ports.clock.compute(std::chrono::seconds(10), [] {});
        why[static_cast<std::size_t>(i)] = told.ok() ? "ok" : told.failure().what;
      });
      CHECK(why[0].find(" bytes where peer 1 expects ") != std::string::npos);
      CHECK(why[1].find(" bytes where peer 2 expects ") != std::string::npos);
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
