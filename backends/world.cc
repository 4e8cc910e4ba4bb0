#include "backends/world.h"

#include <utility>

#include "core/base/check.h"
#include "core/base/wall_clock.h"
#include "core/io/real_loop.h"
#include "netsim/virtual_loop.h"

namespace strait {

namespace {

std::unique_ptr<IslandLoop> make_loop(const WorldOptions& options, Trace& trace) {
  if (options.real_time) {
    return std::make_unique<RealLoop>(options.islands, trace, *options.real_time);
  }
  return std::make_unique<VirtualLoop>(options.islands, trace,
                                       VirtualLoopOptions{.parallel = options.parallel});
}

}  // namespace

struct World::Place {
  Place(Clock& c, std::unique_ptr<Transport> t, const WorldOptions& options)
      : clock(c),
        transport(std::move(t)),
        collective(clock, *transport, options.collective),
        handout(clock, *transport) {
    if (options.rounds) rounds.emplace(clock, *transport, collective, options.member);
  }

  Clock& clock;
  std::unique_ptr<Transport> transport;
  TransportCollective collective;
  std::optional<Rounds> rounds;
  Handout handout;
};

World::World(const WorldOptions& options, Storage& journal)
    : options_(options),
      journal_(journal),
      owned_loop_(make_loop(options, trace_)),
      loop_(*owned_loop_),
      fabric_(options.make_fabric ? options.make_fabric(loop_, trace_)
                                  : make_fabric(options.network, loop_, trace_, options.fabric)),
      places_(static_cast<std::size_t>(options.islands)),
      leaving_(static_cast<std::size_t>(options.islands)),
      lost_(static_cast<std::size_t>(options.islands)) {
  if (options.rounds) peers_.push_back(PeerId::kCoordinator);
  for (IslandId i = 0; i < options.islands; ++i) {
    peers_.push_back(peer_of(i));
    const PauseSchedule pauses = fabric_->pauses(peer_of(i));
    loop_.set_pauses(i, pauses);
    loops_.push_back(std::make_unique<PausedLoop>(loop_, pauses));
  }
  options_.coordinator.islands = options_.coordinator.first_round = options.islands;
  schedule(options.fabric.description);
  if (options.rounds) start_coordinator();
  // Everybody listens before anybody dials.
  for (IslandId i = 0; i < options.islands; ++i) {
    if (loop_.running(i)) settle(i);
  }
  if (control_) control_->connect(peers_);
  for (auto& place : places_) {
    if (place) place->transport->connect(peers_);
  }
}

World::~World() = default;

std::unique_ptr<Transport> World::make_transport(PeerId self, Loop& loop,
                                                 std::uint64_t incarnation) {
  return std::make_unique<Transport>(loop, fabric_->endpoint(self), ledger_, trace_,
                                     TransportOptions{.self = self,
                                                      .run_id = options_.run_id,
                                                      .incarnation = incarnation,
                                                      .settings = options_.settings,
                                                      .eager_limit = options_.eager_limit,
                                                      .data_connections = options_.connections,
                                                      .measured_over = options_.measured_over});
}

void World::settle(IslandId island) {
  const auto n = static_cast<std::size_t>(island);
  const auto incarnation = static_cast<std::uint64_t>(loop_.life(island)) + 1;
  places_[n] = std::make_unique<Place>(
      loop_.clock(island), make_transport(peer_of(island), *loops_[n], incarnation), options_);
}

/// Puts what happens to islands on the loop; the fabric knows of the links.
void World::schedule(const NetworkDescription& description) {
  const auto starts_at = [this](Nanos time, IslandId island) {
    const std::size_t n = starts_.size();
    loop_.hold_open();
    starts_.push_back(loop_.at(time, [this, island, n] {
      starts_[n] = TimerId::kNone;
      start_island(island);
      loop_.let_close();
    }));
  };
  for (std::size_t i = 0; i < description.islands.size(); ++i) {
    if (description.islands[i].start == Nanos{0}) continue;
    loop_.set_absent(static_cast<IslandId>(i));
    --options_.coordinator.first_round;
    starts_at(description.islands[i].start, static_cast<IslandId>(i));
  }
  for (const NetworkEvent& event : description.events) {
    const IslandId island = event.island;
    switch (event.kind) {
      case NetworkEventKind::kIslandKill:
        loop_.at(event.time, [this, island] { kill_island(island); });
        break;
      case NetworkEventKind::kIslandLeave:
        loop_.at(event.time, [this, island] { ask_to_leave(island); });
        break;
      case NetworkEventKind::kIslandJoin: starts_at(event.time, island); break;
      case NetworkEventKind::kIslandSilent:
        if (event.duration > Nanos{0}) break;
        loop_.at(event.time, [this, island] {
          lost_[static_cast<std::size_t>(island)] = 1;
          if (over_) wait_for_nobody();
        });
        break;
      default: break;
    }
  }
}

void World::kill_island(IslandId island) {
  const auto n = static_cast<std::size_t>(island);
  if (!places_[n]) return;
  loop_.kill(island);
  places_[n].reset();
}

void World::start_island(IslandId island) {
  const auto n = static_cast<std::size_t>(island);
  if (loop_.running(island)) return;
  leaving_[n] = false;
  places_[n].reset();  // of one that has left
  loop_.start_island(island);
  settle(island);
  places_[n]->transport->connect(peers_);
}

void World::wait_for_nobody() {
  over_ = true;
  for (TimerId& start : starts_) {
    if (start == TimerId::kNone) continue;
    loop_.cancel(std::exchange(start, TimerId::kNone));
    loop_.let_close();
  }
  for (IslandId i = 0; i < islands(); ++i) {
    if (lost_[static_cast<std::size_t>(i)] && loop_.running(i)) kill_island(i);
  }
}

void World::ask_to_leave(IslandId island) { leaving_[static_cast<std::size_t>(island)] = true; }

void World::crash_coordinator() {
  coordinator_.reset();
  control_.reset();
}

void World::start_coordinator() {
  const bool again = coordinator_lives_ > 0;
  control_ = make_transport(PeerId::kCoordinator, loop_, ++coordinator_lives_);
  if (again) control_->connect(peers_);
  coordinator_ =
      std::make_unique<Coordinator>(*control_, journal_, ledger_, trace_, options_.coordinator);
}

std::uint32_t World::committed_rounds() const {
  return coordinator_ ? coordinator_->committed_rounds() : 0;
}

std::optional<Pace> World::pace() const {
  const auto* real = dynamic_cast<const RealLoop*>(owned_loop_.get());
  return real == nullptr ? std::nullopt : std::optional(real->pace());
}

Nanos World::take_worst_lateness() {
  auto* const real = dynamic_cast<RealLoop*>(owned_loop_.get());
  return real == nullptr ? Nanos{0} : real->take_worst();
}

void World::run(const std::function<void(IslandId, Ports&)>& body) {
  const double before = thread_cpu_seconds();
  loop_.run([&](IslandId i, Clock& clock) {
    const auto n = static_cast<std::size_t>(i);
    Place& place = *places_[n];
    const int life = loop_.life(i);
    const auto& islands = options_.fabric.description.islands;
    const bool late = n < islands.size() && islands[n].start > Nanos{0};
    Ports ports{clock,
                place.collective,
                place.rounds ? &*place.rounds : nullptr,
                place.handout,
                life,
                life > 0 || late,
                leaving_[n]};
    body(i, ports);
  });
  loop_cpu_seconds_ = thread_cpu_seconds() - before;
}

}  // namespace strait
