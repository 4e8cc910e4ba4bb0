// A few islands over one network, on a virtual loop, for tests: each island's thread runs a body
// and returns a result; the test's thread asserts.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "backends/loopback/pipe.h"
#include "core/comm/transport_collective.h"
#include "netsim/virtual_loop.h"

namespace strait {

/// Makes the network of a test: one row of the table of backends.
struct TestNetwork {
  virtual ~TestNetwork() = default;
  virtual Network& endpoint(PeerId peer) = 0;
};

struct PipeTestNetwork final : TestNetwork {
  explicit PipeTestNetwork(Loop& loop) : pipe(loop) {}
  Network& endpoint(PeerId peer) override { return pipe.endpoint(peer); }
  PipeNetwork pipe;
};

struct TestWorldOptions {
  int islands = 2;
  CollectiveOptions collective;
  Bytes eager_limit = 1024 * 1024;
  Bytes frame_bytes = 256 * 1024;
  int connections = 1;
  std::function<std::unique_ptr<TestNetwork>(Loop&, Trace&, int islands)> network;
};

class TestWorld {
 public:
  struct Ports {
    Clock& clock;
    Transport& transport;
    TransportCollective& collective;
  };

  explicit TestWorld(const TestWorldOptions& options)
      : loop(options.islands, trace), islands_(options.islands) {
    network = options.network ? options.network(loop, trace, options.islands)
                              : std::make_unique<PipeTestNetwork>(loop);
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
  VirtualLoop loop;
  std::unique_ptr<TestNetwork> network;
  std::vector<std::unique_ptr<Transport>> transports;
  std::vector<std::unique_ptr<TransportCollective>> collectives;

 private:
  int islands_;
};

}  // namespace strait
