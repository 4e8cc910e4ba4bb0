// A few islands over one network, in virtual time or by the wall clock, for tests: each island's
// thread runs a body and returns a result; the test's thread asserts.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "backends/fabric.h"
#include "core/comm/transport_collective.h"
#include "core/io/real_loop.h"
#include "netsim/virtual_loop.h"

namespace strait {

struct TestWorldOptions {
  int islands = 2;
  CollectiveOptions collective;
  Bytes eager_limit = 1024 * 1024;
  Bytes frame_bytes = 256 * 1024;
  int connections = 1;
  bool real_time = false;
  std::function<std::unique_ptr<Fabric>(Loop&, Trace&, int islands)> network;  // empty: the pipe
};

class TestWorld {
 public:
  struct Ports {
    Clock& clock;
    Transport& transport;
    TransportCollective& collective;
  };

  explicit TestWorld(const TestWorldOptions& options)
      : owned_loop_(make_loop(options, trace)), loop(*owned_loop_), islands_(options.islands) {
    network = options.network ? options.network(loop, trace, options.islands)
                              : make_fabric("pipe", loop, trace, {.islands = options.islands});
    std::vector<PeerId> peers;
    for (IslandId i = 0; i < options.islands; ++i) peers.push_back(peer_of(i));
    for (IslandId i = 0; i < options.islands; ++i) {
      transports.push_back(
          std::make_unique<Transport>(loop, network->endpoint(peer_of(i)), ledger, trace,
                                      TransportOptions{.self = peer_of(i),
                                                       .run_id = 1,
                                                       .frame_bytes = options.frame_bytes,
                                                       .eager_limit = options.eager_limit,
                                                       .data_connections = options.connections}));
      collectives.push_back(std::make_unique<TransportCollective>(loop.clock(i), *transports.back(),
                                                                  options.collective));
    }
    for (auto& transport : transports) transport->connect(peers);
  }

  void run(const std::function<void(IslandId, Ports&)>& body) {
    loop.run([&](IslandId i, Clock& clock) {
      const auto n = static_cast<std::size_t>(i);
      Ports ports{clock, *transports[n], *collectives[n]};
      body(i, ports);
    });
  }

  Trace trace;
  Ledger ledger;

 private:
  static std::unique_ptr<IslandLoop> make_loop(const TestWorldOptions& options, Trace& trace) {
    if (options.real_time) return std::make_unique<RealLoop>(options.islands, trace);
    return std::make_unique<VirtualLoop>(options.islands, trace);
  }
  const std::unique_ptr<IslandLoop> owned_loop_;

 public:
  IslandLoop& loop;
  std::unique_ptr<Fabric> network;
  std::vector<std::unique_ptr<Transport>> transports;
  std::vector<std::unique_ptr<TransportCollective>> collectives;

 private:
  int islands_;
};

}  // namespace strait
