// How exchanges end: when, and with what, well or badly.
#include <limits>

#include "tests/conformance/collective_case.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

// Islands over 8 Mbit/s up and down and 30 ms each way (15 + 15), ideal links without headers,
// adding free, one piece per shard. On connections that stand; one time per island.
std::vector<Nanos> times_of(const std::string& algorithm, int islands, std::size_t size) {
  TestWorldOptions options{.islands = islands, .frame_bytes = 1 << 20};
  options.network = [](Loop& loop, Trace& trace, int k) {
    EmulatedOptions emulated;
    emulated.tcp.header = 0;
    emulated.tcp.congestion = CongestionControl::kIdeal;
    return make_fabric("emulated", loop, trace,
                       {.islands = k,
                        .description = describe_network(std::vector<AccessLink>(
                            static_cast<std::size_t>(k), {megabits(8), megabits(8), 15ms})),
                        .emulated = emulated});
  };
  options.collective.algorithm = algorithm;
  options.collective.memory_rate = kUnlimited;
  options.collective.piece_bytes = 1 << 20;
  TestWorld world(options);
  std::vector<Nanos> took(static_cast<std::size_t>(islands));
  world.run([&](IslandId i, TestWorld::Ports& ports) {
    const std::vector<float> in(size, 1.0f);
    std::vector<float> out(size);
    ports.clock.compute(1s, [] {});  // the connections stand by now
    const bool ok = ports.collective.start({.number = 1}, in, out, everyone(islands)).wait().ok();
    took[static_cast<std::size_t>(i)] = ok ? ports.clock.now() - 1s : Nanos{-1};
  });
  return took;
}

//   0                contributions leave: one frame of 40 + 4 x 50,000 bytes at 1 MB/s: 200.040 ms
//   200.040          the last byte has left and is there 30 ms later, at 230.040: the owner adds
//   230.040          means leave: another 200.040 ms, and 30 ms of delay
//   460.080 ms       the last byte of the mean is there
TEST_CASE("two_phase takes two shards and two delays", "[collective]") {
  CHECK(times_of("two_phase", 2, 100'000) == std::vector<Nanos>(2, 460'080us));
}

// Four hops, two of sums and two of means, of 40 + 4 x 30,000 bytes: 120.040 + 30 ms each.
TEST_CASE("ring takes 2 (k-1) shards and as many delays", "[collective]") {
  CHECK(times_of("ring", 3, 90'000) == std::vector<Nanos>(3, 600'160us));
}

// Two frames of 40 + 4 x 90,000 bytes share the hub's downlink for 720.080 ms, then two means its
// uplink; the hub has the mean when the contributions are there.
TEST_CASE("star takes all buffers through the hub's link, twice", "[collective]") {
  CHECK(times_of("star", 3, 90'000) == std::vector<Nanos>{750'080us, 1'500'160us, 1'500'160us});
}

TEST_CASE("a contribution is free when its ticket is completed", "[collective]") {
  for (const auto& network : network_rows()) {
    for (const auto algorithm : algorithm_names()) {
      for (const auto codec : codec_names()) {
        const Case c{network, std::string(algorithm), std::string(codec), 3, 20'000};
        INFO(c.name());
        TestWorld world(world_options(c));
        std::vector<long> users(3);
        world.run([&](IslandId i, TestWorld::Ports& ports) {
          const auto in = std::make_shared<std::vector<float>>(c.size, 1.0f);
          std::vector<float> out(c.size);
          auto ticket = ports.collective.start({.number = 1}, *in, out, everyone(3), in);
          const bool ok = ticket.wait().ok();
          users[static_cast<std::size_t>(i)] = ok ? in.use_count() : -1;
        });
        CHECK(users == std::vector<long>(3, 1));
      }
    }
  }
}

// The island is gone long before its peers have read what it has sent; nobody else holds it.
TEST_CASE("a held contribution outlives its island", "[collective]") {
  for (const auto& network : network_rows()) {
    for (const auto algorithm : algorithm_names()) {
      const Case c{network, std::string(algorithm), "fp32", 3, 20'000};
      INFO(c.name());
      TestWorld world(world_options(c));
      std::vector<std::weak_ptr<const void>> held(3);
      Buffers out(3, std::vector<float>(c.size));
      std::vector<char> ok(3);
      Scope scope;
      world.run([&](IslandId i, TestWorld::Ports& ports) {
        const auto n = static_cast<std::size_t>(i);
        auto in = std::make_shared<std::vector<float>>(c.size, static_cast<float>(i));
        held[n] = in;
        const std::span<const float> values(*in);
        ExchangeParts parts{.id = {.number = 1},
                            .in = values,
                            .hold = std::move(in),
                            .out = out[n],
                            .roster = everyone(3)};
        ok[n] = start_on_loop(ports, scope, std::move(parts)).wait().ok();
      });
      CHECK(ok == std::vector<char>(3, 1));
      for (const auto& hold : held) CHECK(hold.expired());
      for (const auto& mean : out) CHECK(mean[c.size - 1] == Approx(1));
    }
  }
}

// Both differ from what the other sends. The hub of a star is the only one that can see it; the
// others are told to give up, as Rounds does after an abort.
TEST_CASE("an exchange that fails names both lengths and gives the memory back", "[collective]") {
  for (const auto& network : network_rows()) {
    for (const auto algorithm : algorithm_names()) {
      for (const auto codec : codec_names()) {
        Case c{network, std::string(algorithm), std::string(codec), 2};
        c.eager_limit = 10'000;
        INFO(c.name());
        TestWorld world(world_options(c));
        std::vector<std::string> why(2);
        world.run([&](IslandId i, TestWorld::Ports& ports) {
          const std::size_t size = i == 0 ? 20'000 : 30'000;
          auto in = std::make_unique<std::vector<float>>(size, 1.0f);
          auto out = std::make_unique<std::vector<float>>(size);
          const auto told = ports.collective.start({.number = 1}, *in, *out, everyone(2)).wait();
          in.reset();
          out.reset();
          ports.clock.compute(network.real ? 200ms : 10s, [] {});
          ports.clock.post(
              [&other = *world.collectives[i == 0 ? 1 : 0]] { other.cancel({.number = 1}); });
          why[static_cast<std::size_t>(i)] = told.ok() ? "ok" : told.failure().what;
        });
        CHECK(why[0].find(" bytes where peer 1 expects ") != std::string::npos);
        CHECK(why[1].find(algorithm == "star" ? "given up" : " bytes where peer 2 expects ") !=
              std::string::npos);
      }
    }
  }
}

// On every network and in every codec: it is found where a piece is sent or added up.
TEST_CASE("a contribution that is not finite is refused and named", "[collective]") {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::vector<Case> cases;
  for (const auto& network : network_rows()) {
    for (const auto algorithm : algorithm_names()) {
      for (const auto codec : codec_names()) {
        cases.push_back({network, std::string(algorithm), std::string(codec), 3, 5000});
      }
    }
  }
  for (const Case& c : cases) {
    for (const float bad : {kNan, kInfinity, -kInfinity}) {
      INFO(c.name() << ", " << bad);
      TestWorld world(world_options(c));
      std::vector<std::string> why(3);
      FailureKind kind = FailureKind::kClosed;
      world.run([&](IslandId i, TestWorld::Ports& ports) {
        std::vector<float> in(c.size, 1.0f), out(c.size);
        if (i == 1) in[4321] = in[4400] = bad;
        const auto told = ports.collective.start({.number = 1}, in, out, everyone(3)).wait();
        if (i == 1) {  // tells the others, who would wait
          for (auto& collective : world.collectives) {
            ports.clock.post([&collective] { collective->cancel({.number = 1}); });
          }
        }
        why[static_cast<std::size_t>(i)] = told.ok() ? "ok" : told.failure().what;
        if (i == 1 && !told.ok()) kind = told.failure().kind;
      });
      CHECK(why[1].starts_with(
          "the contribution of island 1 is not finite (first at element 4321): it is "));
      CHECK(kind == FailureKind::kMismatch);
      CHECK(why[0] == "the exchange was given up");
    }
  }
}

TEST_CASE("an island that only receives may hold anything", "[collective]") {
  const Case c{network_rows()[1], "ring", "fp32", 3, 5000};
  TestWorld world(world_options(c));
  std::vector<float> last(3);
  world.run([&](IslandId i, TestWorld::Ports& ports) {
    const std::vector<float> in(c.size, i == 2 ? std::numeric_limits<float>::quiet_NaN() : 1.0f);
    std::vector<float> out(c.size);
    const Roster roster{{{0, 0.5f}, {1, 0.5f}, {2, 0.0f}}};
    const bool ok = ports.collective.start({.number = 1}, in, out, roster).wait().ok();
    last[static_cast<std::size_t>(i)] = ok ? out.back() : -1;
  });
  CHECK(last == std::vector<float>(3, 1.0f));
}

}  // namespace
}  // namespace strait
