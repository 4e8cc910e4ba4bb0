#include "backends/world.h"

#include "core/base/wall_clock.h"

namespace strait {

struct World::Place {
  Place(Clock& c, std::unique_ptr<Transport> t, const CollectiveOptions& options)
      : clock(c),
        transport(std::move(t)),
        collective(clock, *transport, options),
        rounds(clock, *transport, collective),
        handout(clock, *transport) {}

  Clock& clock;
  std::unique_ptr<Transport> transport;
  TransportCollective collective;
  Rounds rounds;
  Handout handout;
};

World::World(const WorldOptions& options, Storage& journal)
    : loop_(options.islands, trace_, {.parallel = options.parallel}),
      fabric_(make_fabric(options.network, loop_, trace_, options.fabric)) {
  std::vector<PeerId> peers;
  if (options.rounds) {
    peers.push_back(PeerId::kCoordinator);
    control_ = make_transport(PeerId::kCoordinator, options);
    coordinator_ = std::make_unique<Coordinator>(*control_, journal, ledger_, trace_,
                                                 CoordinatorOptions{.islands = options.islands});
  }
  for (IslandId i = 0; i < options.islands; ++i) {
    peers.push_back(peer_of(i));
    loop_.set_pauses(i, fabric_->pauses(peer_of(i)));
    places_.push_back(std::make_unique<Place>(loop_.clock(i), make_transport(peer_of(i), options),
                                              options.collective));
  }
  // Everybody listens before anybody dials.
  if (control_) control_->connect(peers);
  for (auto& place : places_) place->transport->connect(peers);
  if (coordinator_) coordinator_->start();
}

World::~World() = default;

std::unique_ptr<Transport> World::make_transport(PeerId self, const WorldOptions& options) {
  return std::make_unique<Transport>(loop_, fabric_->endpoint(self), ledger_, trace_,
                                     TransportOptions{.self = self,
                                                      .run_id = options.run_id,
                                                      .settings = options.settings,
                                                      .eager_limit = options.eager_limit,
                                                      .data_connections = options.connections});
}

void World::run(const std::function<void(IslandId, Ports&)>& body) {
  const double before = thread_cpu_seconds();
  loop_.run([&](IslandId i, Clock& clock) {
    Place& place = *places_[static_cast<std::size_t>(i)];
    Ports ports{clock, place.collective, place.rounds, place.handout};
    body(i, ports);
  });
  loop_cpu_seconds_ = thread_cpu_seconds() - before;
}

}  // namespace strait
