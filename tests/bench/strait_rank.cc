// Strait's collective over TCP, for collective_bench.py (command line: collective_rank.h): one
// process, one rank, no training and no LibTorch. On CUBIC, as all contenders. A mean instead of a
// sum, from one buffer to another instead of in place. Tells its peak memory at the end.
#include <fmt/format.h>
#include <sys/resource.h>

#include <filesystem>
#include <stdexcept>
#include <thread>

#include "core/base/files.h"
#include "core/comm/transport_collective.h"
#include "core/io/real_loop.h"
#include "core/io/socket_network.h"
#include "core/train/flat_buffer.h"
#include "tests/bench/collective_rank.h"

namespace strait {
namespace {

/// Where the others listen: each leaves a file.
void meet(SocketNetwork& network, const RankOptions& options) {
  const auto path = [&](int rank) { return fmt::format("{}/address-{}", options.dir, rank); };
  write_file_atomically(path(options.rank), network.address().text());
  for (int rank = 0; rank < options.size; ++rank) {
    if (rank == options.rank) continue;
    const std::string file = path(rank);
    while (!std::filesystem::exists(file)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    network.know(peer_of(rank),
                 {SocketAddress::resolve(parse_host_port(read_file(file), file), file)});
  }
}

void run(const RankOptions& options) {
  CollectiveOptions settings{.memory_rate = kUnlimited};
  if (!options.algorithm.empty()) settings.algorithm = options.algorithm;
  if (!options.codec.empty()) settings.codec = options.codec;
  Trace trace;
  Ledger ledger;
  RealLoop loop(options.size, trace, {.max_lateness = kNever, .as_it_comes = true});
  SocketNetwork network(loop.uv(), peer_of(options.rank), {.congestion = "cubic"}, SocketAddress(),
                        "strait_rank");
  std::vector<PeerId> peers;
  for (int rank = 0; rank < options.size; ++rank) {
    peers.push_back(peer_of(rank));
    if (rank != options.rank) loop.set_absent(rank);
  }
  Transport transport(loop, network, ledger, trace, {.self = peer_of(options.rank), .run_id = 1});
  TransportCollective collective(loop.clock(options.rank), transport, settings);
  transport.connect(peers);
  meet(network, options);

  // Half a step of int8 for the contribution and for the mean, of values up to 125.
  const float tolerance = settings.codec == "int8"   ? 2 * 125.0f / 254
                          : settings.codec == "bf16" ? 2 * 125.0f / 256
                                                     : 1e-4f;
  loop.run([&](IslandId, Clock&) {
    const auto elements = static_cast<std::size_t>(options.bytes) / sizeof(float);
    FlatBuffer in(elements), out(elements);  // what Strait trains in
    fill_contribution(options.rank, in);
    const Roster all = everyone(options.size);
    std::uint32_t number = 0;
    const auto mean = [&](std::span<const float> from, std::span<float> to) {
      const auto done = collective.start({.number = ++number}, from, to, all).wait();
      if (!done.ok()) throw std::runtime_error(done.failure().what);
    };
    const float scale = 1.0f / static_cast<float>(options.size);
    run_repetitions(options, {.prepare = [] {},
                              .run = [&] { mean(in, out); },
                              .check = [&] { check_sum(options.size, out, scale, tolerance); }});
    std::vector<float> last(16), none(16);
    mean(last, none);  // nobody closes before all are done
  });
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  fmt::print("peak {} KiB\n", usage.ru_maxrss);
}

}  // namespace
}  // namespace strait

int main(int argc, char** argv) { return strait::rank_main(argc, argv, strait::run); }
