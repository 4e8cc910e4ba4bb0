// What the machinery costs when many islands exchange over emulated home lines: rounds of two_phase
// in virtual time, with almost no computing. Not a test: it prints, it does not judge.
//
//   many_islands_bench [islands 64] [parameters 4096] [rounds 200] [network emulated] [loss ppm 0]
//
// Everybody has the same link (50 Mbit/s down, 10 up, 15 ms), so many flows change in one instant;
// a few links go down on the way. Contributions and means share one buffer each, since only the
// machinery is of interest; the bits are the same on all islands anyway. "arithmetic" is what
// adding and decoding cost on their own, over buffers of the same sizes; it is part of the loop's
// CPU time and of no interest here. CPU of the islands' threads is waking and going to sleep.
#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <string>

#include "backends/world.h"
#include "core/base/wall_clock.h"
#include "core/comm/codec.h"

namespace strait {
namespace {

struct Case {
  int islands = 64;
  std::size_t parameters = 4096;
  int rounds = 200;
  std::string network = "emulated";
  std::int64_t loss_ppm = 0;  // on every link
};

constexpr Nanos kStep{1'000'000'000};  // computing between two rounds

NetworkDescription home_lines(int islands, std::int64_t loss_ppm) {
  const AccessLink line{megabits(10), megabits(50), Nanos{15'000'000}, loss_ppm};
  std::vector<NetworkEvent> events;
  for (int i = 1; i <= 10; ++i) {  // an outage of two seconds every 20 seconds
    const Nanos start{i * 20'000'000'000};
    const IslandId island = i * 7 % islands;
    events.push_back(link_event(start, NetworkEventKind::kLinkDown, island));
    events.push_back(link_event(start + Nanos{2'000'000'000}, NetworkEventKind::kLinkUp, island));
  }
  return describe_network(std::vector<AccessLink>(static_cast<std::size_t>(islands), line), events);
}

WorldOptions world_options(const Case& c) {
  WorldOptions options;
  options.islands = c.islands;
  options.network = c.network;
  options.fabric = {
      .islands = c.islands, .description = home_lines(c.islands, c.loss_ppm), .emulated = {}};
  return options;
}

/// CPU seconds of one round's adding and decoding, on all islands.
double arithmetic_of_a_round(const Case& c) {
  const auto codec = make_codec("fp32");
  const auto k = static_cast<std::size_t>(c.islands);
  const std::size_t shard = std::max<std::size_t>(1, c.parameters / k);
  std::vector<float> in(c.parameters, 0.5f), out(c.parameters), sum(shard);
  const double start = thread_cpu_seconds();
  for (std::size_t owner = 0; owner < k; ++owner) {
    for (std::size_t i = 0; i < k; ++i) {
      const auto first = std::min(owner * shard, c.parameters - shard);
      const auto part = std::as_bytes(std::span(in).subspan(first, shard));
      codec->decode_add(part, 0.25f, sum);
      codec->decode(std::as_bytes(std::span(sum)), std::span(out).subspan(first, shard));
    }
  }
  return thread_cpu_seconds() - start;
}

struct Counts {
  std::int64_t arrivals = 0;
  std::int64_t messages = 0;
};

void print(const Case& c, const World& world, const Counts& counts, double wall, double cpu) {
  const double loop = world.loop_cpu_seconds();
  const double arithmetic = arithmetic_of_a_round(c) * c.rounds;
  const auto rate = [&](std::int64_t n) { return static_cast<double>(n) * 1e-3 / loop; };
  fmt::print(
      "{} islands, {} parameters, {} rounds over {}, {} ppm lost: {:.1f} s virtual, trace {}\n",
      c.islands, c.parameters, c.rounds, c.network, c.loss_ppm, seconds(world.now()),
      hex(world.trace().hash()));
  fmt::print(
      "  wall {:.2f} s; CPU {:.2f} s: loop {:.2f} (arithmetic about {:.2f}), islands {:.2f}\n",
      wall, cpu, loop, arithmetic, cpu - loop);
  fmt::print("  {} records ({:.0f} k/s), {} slices ({:.0f} k/s), {} messages ({:.0f} k/s)\n",
             world.trace().records(), rate(world.trace().records()), counts.arrivals,
             rate(counts.arrivals), counts.messages, rate(counts.messages));
}

void run(const Case& c) {
  SimulatedStorage journal;
  World world(world_options(c), journal);
  Counts counts;
  world.listen([&](const TraceRecord& record) {
    counts.arrivals += record.kind == TraceKind::kArrived;
    counts.messages += record.kind == TraceKind::kMessage;
  });
  const std::vector<float> in(c.parameters, 0.5f);
  std::vector<float> out(c.parameters);
  const WallTimer wall;
  const double cpu = process_cpu_seconds();
  world.run([&](IslandId, World::Ports& ports) {
    for (int round = 1; round <= c.rounds; ++round) {
      ports.clock.compute(kStep, [] {});
      auto ticket =
          ports.rounds->start({.round = static_cast<std::uint32_t>(round), .in = in, .out = out});
      const auto outcome = ticket.wait();
      STRAIT_CHECK(outcome.ok(), "round {}: {}", round, outcome.failure().what);
    }
  });
  print(c, world, counts, wall.seconds(), process_cpu_seconds() - cpu);
}

}  // namespace
}  // namespace strait

int main(int argc, char** argv) {
  strait::Case c;
  if (argc > 1) c.islands = std::atoi(argv[1]);
  if (argc > 2) c.parameters = std::strtoul(argv[2], nullptr, 10);
  if (argc > 3) c.rounds = std::atoi(argv[3]);
  if (argc > 4) c.network = argv[4];
  if (argc > 5) c.loss_ppm = std::atoll(argv[5]);
  strait::run(c);
}
