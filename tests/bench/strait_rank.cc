// One process of an all-reduce benchmark: Strait's collective over TCP on the loopback device. The
// driver (collective_bench.py) starts `--size` of them; each prints a line per repetition:
//   seconds CPU-seconds
// of its process, all threads, and at the end its peak memory. No training, no LibTorch.
//
//   strait_rank --rank R --size K --bytes N --repeats M --dir DIR [--algorithm A] [--codec C]
//               [--congestion CC] [--connections N] [--piece BYTES] [--unsent BYTES]

#include <fmt/format.h>
#include <sys/resource.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "core/base/files.h"
#include "core/base/wall_clock.h"
#include "core/comm/transport_collective.h"
#include "core/io/real_loop.h"
#include "core/io/socket_network.h"
#include "core/train/flat_buffer.h"

namespace strait {
namespace {

std::map<std::string, std::string> read_options(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i] + 2] = argv[i + 1];
  return options;
}

/// Where the others listen: each leaves a file.
void meet(SocketNetwork& network, const std::string& folder, int rank, int size) {
  const auto path = [&](int r) { return fmt::format("{}/rank-{}", folder, r); };
  write_file_atomically(path(rank), network.address().text());
  for (int r = 0; r < size; ++r) {
    if (r == rank) continue;
    while (!std::filesystem::exists(path(r))) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    network.know(peer_of(r),
                 {SocketAddress::resolve(parse_host_port(read_file(path(r)), path(r)), path(r))});
  }
}

int run(std::map<std::string, std::string> options) {
  const int rank = std::stoi(options.at("rank")), size = std::stoi(options.at("size"));
  const auto elements = static_cast<std::size_t>(std::stoll(options.at("bytes"))) / sizeof(float);
  const int repeats = std::stoi(options.at("repeats"));
  const auto number = [&](const char* name, long long usual) {
    return options.contains(name) ? std::stoll(options.at(name)) : usual;
  };
  SocketOptions sockets{.congestion = options["congestion"]};
  sockets.unsent = number("unsent", sockets.unsent);
  CollectiveOptions collective_options{.memory_rate = kUnlimited};
  if (options.contains("algorithm")) collective_options.algorithm = options.at("algorithm");
  if (options.contains("codec")) collective_options.codec = options.at("codec");
  collective_options.piece_bytes = number("piece", collective_options.piece_bytes);

  Trace trace;
  Ledger ledger;
  RealLoop loop(size, trace, {.max_lateness = kNever, .as_it_comes = true});
  SocketNetwork network(loop.uv(), peer_of(rank), sockets, SocketAddress(), "strait_rank");
  std::vector<PeerId> peers;
  for (int r = 0; r < size; ++r) {
    peers.push_back(peer_of(r));
    if (r != rank) loop.set_absent(r);
  }
  Transport transport(loop, network, ledger, trace,
                      {.self = peer_of(rank),
                       .run_id = 1,
                       .data_connections = static_cast<int>(number("connections", 1))});
  TransportCollective collective(loop.clock(rank), transport, collective_options);
  transport.connect(peers);
  meet(network, options.at("dir"), rank, size);

  std::string lines;
  bool right = true;
  loop.run([&](IslandId, Clock&) {
    FlatBuffer in(elements), out(elements);  // what Strait trains in
    for (std::size_t e = 0; e < elements; ++e) {
      in[e] = static_cast<float>((e + static_cast<std::size_t>(rank)) % 1000);
    }
    std::vector<float> nothing(16), none(16);
    std::uint32_t exchange = 0;
    const auto mean = [&](std::span<const float> from, std::span<float> to) {
      const auto done = collective.start({.number = ++exchange}, from, to, everyone(size)).wait();
      if (!done.ok()) throw std::runtime_error(done.failure().what);
    };
    for (int repeat = -1; repeat < repeats; ++repeat) {  // the first one warms up
      mean(nothing, none);
      const WallTimer timer;
      const double cpu = process_cpu_seconds();
      mean(in, out);
      if (repeat < 0) continue;
      lines += fmt::format("{:.9f} {:.9f}\n", timer.seconds(), process_cpu_seconds() - cpu);
    }
    const double error = options["codec"] == "int8" ? 8 : options["codec"] == "bf16" ? 4 : 1e-3;
    for (std::size_t e = 0; e < elements; ++e) {
      double sum = 0;
      for (int r = 0; r < size; ++r)
        sum += static_cast<double>((e + static_cast<std::size_t>(r)) % 1000);
      right = right && std::abs(out[e] - sum / size) < error;
    }
    mean(nothing, none);  // nobody closes before all are done
  });
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  fmt::print("{}peak_kib {}\n", lines, usage.ru_maxrss);
  if (!right) fmt::print(stderr, "strait_rank: the mean is wrong\n");
  return right ? 0 : 1;
}

}  // namespace
}  // namespace strait

int main(int argc, char** argv) {
  try {
    return strait::run(strait::read_options(argc, argv));
  } catch (const std::exception& error) {
    fmt::print(stderr, "strait_rank: {}\n", error.what());
    return 1;
  }
}
