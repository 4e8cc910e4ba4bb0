// Every collective must do this: the tables of networks (networks.h), algorithms, codecs, island
// counts and sizes, of which a sample runs where every row of one table meets every row of every
// other. A new row of any table is tested by being there.
#include <cmath>

#include "tests/conformance/collective_case.h"
#include "tests/conformance/sample.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

const std::vector<int> kIslands{1, 2, 3, 4, 5, 8, 13, 16};
/// Nothing, one, less than islands, primes, around the blocks of codecs, several pieces.
const std::vector<std::size_t> kSizes{0,   1,   7,   13,  63,  64,   65,    127,
                                      128, 129, 255, 256, 257, 4096, 50'001};

/// The bits that the algorithm promises, on every island; and near the true mean: half a step of
/// each quantization that a contribution goes through.
void check_mean(const Case& c, const Roster& roster, const Result& result) {
  CHECK(result.failures == std::vector<std::string>{});
  CHECK(result.in_unchanged);
  const Buffers in = contributions(c);
  const auto promised = promised_mean(c, roster, in);
  for (const auto& out : result.out) CHECK(same_bits(out, promised));
  for (const bool all : result.kept_all) CHECK(all);

  const auto half_step = [](std::string_view codec) {
    return codec == "fp32" ? 1e-6 : codec == "bf16" ? 1.0 / 512 : 1.0 / 254;
  };
  const double quantizations =
      c.algorithm == "ring" ? static_cast<double>(roster.contributors().size()) : 1;
  const double limit = quantizations * half_step(c.codec) +
                       half_step(c.result_codec.empty() ? c.codec : c.result_codec);
  double worst = 0;
  for (std::size_t e = 0; e < c.size; ++e) {
    double mean = 0;
    for (const auto& member : roster.members) {
      mean += double{member.weight} * in[static_cast<std::size_t>(member.island)][e];
    }
    worst = std::max(worst, std::abs(mean - result.out[0][e]));
  }
  CHECK(worst <= 1.001 * limit);
}

std::vector<Case> sampled_cases() {
  const auto networks = network_rows();
  const auto algorithms = algorithm_names();
  const auto codecs = codec_names();
  std::vector<Case> cases;
  for (const Choice& row : every_two_meet(
           {networks.size(), algorithms.size(), codecs.size(), kIslands.size(), kSizes.size()})) {
    cases.push_back({networks[row[0]], std::string(algorithms[row[1]]), std::string(codecs[row[2]]),
                     kIslands[row[3]], kSizes[row[4]]});
    cases.back().keep = cases.size() % 2 == 0;  // through either door
  }
  return cases;
}

TEST_CASE("every collective gives the promised mean to every island", "[collective]") {
  const auto cases = sampled_cases();
  for (const Case& c : cases) {
    INFO(c.name());
    const Roster roster = everyone(c.islands);
    check_mean(c, roster, run(c, roster));
  }
}

// By the wall clock the order of what happens at once is the threads', but not the bits.
TEST_CASE("every collective gives the same mean in real time", "[collective]") {
  const std::vector<NetworkRow> networks{
      network_rows().front(),
      {"emulated, near", [](Loop& loop, Trace& trace, int islands) {
         return emulated(
             loop, trace, islands,
             {.up = megabits(200), .down = megabits(200), .delay = std::chrono::milliseconds(1)});
       }}};
  std::size_t n = 0;
  for (const auto algorithm : algorithm_names()) {
    for (const auto codec : codec_names()) {
      for (const NetworkRow& network : networks) {
        const Case c{.network = network,
                     .algorithm = std::string(algorithm),
                     .codec = std::string(codec),
                     .islands = 3,
                     .size = 20'000,
                     .real_time = true,
                     .keep = n++ % 3 == 0};
        INFO(c.name());
        const Roster roster = everyone(c.islands);
        check_mean(c, roster, run(c, roster));
      }
    }
  }
}

TEST_CASE("the sample lets every two rows meet", "[collective]") {
  const auto cases = sampled_cases();
  CHECK(cases.size() < 2 * kIslands.size() * kSizes.size());
  const auto met = [&](const auto& hits) { return std::any_of(cases.begin(), cases.end(), hits); };
  for (const auto a : algorithm_names()) {
    for (const auto& n : network_rows()) {
      CHECK(met([&](const Case& c) { return c.algorithm == a && c.network.name == n.name; }));
    }
    for (const auto codec : codec_names()) {
      CHECK(met([&](const Case& c) { return c.algorithm == a && c.codec == codec; }));
    }
    for (const int k : kIslands) {
      CHECK(met([&](const Case& c) { return c.algorithm == a && c.islands == k; }));
    }
  }
  for (const auto codec : codec_names()) {
    for (const std::size_t size : kSizes) {
      CHECK(met([&](const Case& c) { return c.codec == codec && c.size == size; }));
    }
  }
}

// Every algorithm and every codec once at each size, in the pieces of real runs.
TEST_CASE("every algorithm and every codec averages large buffers", "[collective]") {
  const auto networks = network_rows();
  const auto algorithms = algorithm_names();
  const auto codecs = codec_names();
  std::size_t row = 0;
  for (const std::size_t size : {1'000'000u, 10'000'000u}) {
    for (std::size_t i = 0; i < std::max(algorithms.size(), codecs.size()); ++i, ++row) {
      const int islands = size > 1'000'000 ? 2 + static_cast<int>(i % 2) : 2 + static_cast<int>(i);
      Case c{networks[row % networks.size()], std::string(algorithms[i % algorithms.size()]),
             std::string(codecs[i % codecs.size()]), islands, size};
      c.piece_bytes = 256 * 1024;
      c.keep = i % 2 == 0;
      INFO(c.name());
      check_mean(c, everyone(islands), run(c, everyone(islands)));
    }
  }
}

TEST_CASE("a receiver of weight 0 gets the mean of the others", "[collective]") {
  for (const auto& network : network_rows()) {
    for (const auto algorithm : algorithm_names()) {
      for (const auto codec : codec_names()) {
        Case c{network, std::string(algorithm), std::string(codec), 5, 5000};
        c.keep = codec != "fp32";
        INFO(c.name());
        // The first and one in the middle, only two neighbours, and only one contributor.
        for (const Roster& roster :
             {Roster{{{0, 0.0f}, {1, 0.25f}, {2, 0.0f}, {3, 0.625f}, {4, 0.125f}}},
              Roster{{{0, 0.5f}, {1, 0.5f}, {2, 0.0f}, {3, 0.0f}, {4, 0.0f}}},
              Roster{{{0, 0.0f}, {1, 0.0f}, {2, 1.0f}, {3, 0.0f}, {4, 0.0f}}}}) {
          check_mean(c, roster, run(c, roster));
        }
      }
    }
  }
}

TEST_CASE("the mean may travel in another codec than the contributions", "[collective]") {
  for (const auto algorithm : algorithm_names()) {
    for (const auto codec : codec_names()) {
      for (const auto result_codec : codec_names()) {
        Case c{network_rows()[1],        std::string(algorithm), std::string(codec), 3, 20'000,
               std::string(result_codec)};
        c.keep = true;
        INFO(c.name());
        check_mean(c, everyone(3), run(c, everyone(3)));
      }
    }
  }
}

TEST_CASE("pieces, announcements and several connections change no bit", "[collective]") {
  for (const auto& network : network_rows()) {
    for (const auto algorithm : algorithm_names()) {
      for (const Bytes piece : {Bytes{4}, Bytes{1024}, Bytes{4000}, Bytes{1 << 20}}) {
        // Pieces of 4 bytes are a message per block.
        Case c{network, std::string(algorithm), "fp32", 3, piece == 4 ? 300u : 30'000u};
        c.piece_bytes = piece;
        c.eager_limit = 2000;  // so that some pieces are announced
        c.connections = 3;
        INFO(c.name() << " in pieces of " << piece);
        const Result result = run(c, everyone(3));
        check_mean(c, everyone(3), result);
        // k (k-1) buffers, or (k-1) to their owners or around the ring and (k-1) back.
        const Bytes buffers = algorithm == "gather" ? 6 : 4;
        CHECK(result.payload == buffers * 4 * static_cast<Bytes>(c.size));
      }
    }
  }
}

TEST_CASE("more pieces than tags can number become larger pieces", "[collective]") {
  for (const auto algorithm : algorithm_names()) {
    Case c{network_rows().front(), std::string(algorithm), "fp32", 3, 70'000};
    c.piece_bytes = 4;
    INFO(c.name());
    check_mean(c, everyone(3), run(c, everyone(3)));
  }
}

/// Encoded bytes of shard s, of k.
Bytes shard_bytes(const Codec& codec, std::size_t n, std::size_t s, std::size_t k) {
  return codec.encoded_size(shard_of(static_cast<std::int64_t>(n), static_cast<std::int64_t>(s),
                                     static_cast<std::int64_t>(k), codec.block())
                                .size());
}

/// What each contributor sends, as the algorithms' headers say it: k of them, r islands that only
/// receive.
std::vector<Bytes> formula(const Case& c, std::size_t k, std::size_t r) {
  const auto codec = make_codec(c.codec);
  const Bytes whole = codec->encoded_size(static_cast<std::int64_t>(c.size));
  const auto shard = [&](std::size_t s) { return shard_bytes(*codec, c.size, s % k, k); };
  const auto others = static_cast<Bytes>(k - 1 + r);
  std::vector<Bytes> sent;
  for (std::size_t i = 0; i < k; ++i) {
    if (c.algorithm == "two_phase") sent.push_back(whole - shard(i) + others * shard(i));
    if (c.algorithm == "gather") sent.push_back(others * whole);
    if (c.algorithm == "star") sent.push_back(i == 0 ? others * whole : whole);
    // Sums of all shards but its own (i+1), means of all but the one that the next owns (i+2).
    if (c.algorithm == "ring") {
      const Bytes around = k == 1 ? 0 : 2 * whole - shard(i + 1) - shard(i + 2);
      sent.push_back(around + static_cast<Bytes>(r) * shard(i + 1));
    }
  }
  return sent;
}

TEST_CASE("payload bytes are those of the algorithm's formula", "[collective]") {
  for (const auto algorithm : algorithm_names()) {
    for (const auto codec : codec_names()) {
      for (const int k : {1, 2, 3, 8}) {
        for (const int r : {0, 2}) {
          const Case c{network_rows()[1], std::string(algorithm), std::string(codec), k + r,
                       40'961};
          INFO(c.name() << ", " << r << " of them only receive");
          Roster roster = everyone(k);
          for (int i = k; i < k + r; ++i) roster.members.push_back({i, 0.0f});
          std::vector<Bytes> expected =
              formula(c, static_cast<std::size_t>(k), static_cast<std::size_t>(r));
          REQUIRE(expected.size() == static_cast<std::size_t>(k));  // a new row needs its formula
          expected.resize(static_cast<std::size_t>(k + r));  // those who receive send nothing
          CHECK(run(c, roster).sent == expected);
        }
      }
    }
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
        INFO(c.name());
        CHECK(result.out == reference.out);
        CHECK(result.sent == reference.sent);
      }
    }
  }
}

TEST_CASE("the same exchange has the same trace twice", "[collective]") {
  for (const auto& network : network_rows()) {
    if (network.real) continue;  // the kernel decides when what arrives
    for (const auto algorithm : algorithm_names()) {
      const Case c{network, std::string(algorithm), "int8", 5, 30'000};
      INFO(c.name());
      CHECK(run(c, everyone(5)).trace == run(c, everyone(5)).trace);
    }
  }
}

TEST_CASE("several exchanges may be in flight while an island computes", "[collective]") {
  using namespace std::chrono_literals;
  for (const auto& network : network_rows()) {
    TestWorld world({.islands = 3, .real_time = network.real, .network = network.make});
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
