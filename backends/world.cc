#include "backends/world.h"

#include <utility>

#include "core/base/check.h"
#include "core/base/errors.h"
#include "core/base/wall_clock.h"
#include "core/io/real_loop.h"
#include "netsim/virtual_loop.h"

namespace strait {

namespace {

constexpr Nanos kLook{20'000'000};         // how often a process looks whether it may end
constexpr Nanos kFarewell{5'000'000'000};  // that islands have to hear that the run is over

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
  if (options.only) be_only(*options.only);
  schedule(options.fabric.description);
  const bool coordinates = !options.only || options.only->peer == PeerId::kCoordinator;
  if (options.rounds && coordinates) start_coordinator();
  // Everybody listens before anybody dials.
  for (IslandId i = 0; i < options.islands; ++i) {
    if (loop_.running(i)) settle(i);
  }
  if (control_) control_->connect(peers_);
  for (auto& place : places_) {
    if (place) place->transport->connect(peers_);
  }
  if (!options.only) return;
  if (coordinates) {
    desk_ = std::make_unique<NewsDesk>(*control_, options.only->hear);
    copier_ = std::make_unique<CatchUp>(
        *control_, CatchUpOptions{.donor_timeout = options.member.peer_timeout});
    loop_.post([this] { ping_islands(); });
  } else {
    const auto island = static_cast<std::size_t>(island_of(options.only->peer));
    teller_ = std::make_unique<NewsTeller>(*places_[island]->transport);
    // Other settings, say: the user's mistake, told before training.
    teller_->on_refusal([](const Failure& failure) {
      throw UserError("the coordinator refuses this island: " + failure.what);
    });
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
                                                      .measured_over = options_.measured_over,
                                                      .open_door = options_.only.has_value()});
}

void World::settle(IslandId island) {
  const auto n = static_cast<std::size_t>(island);
  const auto incarnation = options_.only ? options_.only->incarnation
                                         : static_cast<std::uint64_t>(loop_.life(island)) + 1;
  places_[n] = std::make_unique<Place>(
      loop_.clock(island), make_transport(peer_of(island), *loops_[n], incarnation), options_);
}

/// The other islands are not here, and the run goes on until it is said to be over.
void World::be_only(const OnePeer& peer) {
  STRAIT_CHECK(options_.real_time && options_.rounds && options_.make_fabric,
               "a process of one peer needs the wall clock, rounds and a network");
  for (IslandId i = 0; i < islands(); ++i) {
    if (peer_of(i) != peer.peer) loop_.set_absent(i);
  }
  loop_.hold_open();
  if (peer.peer == PeerId::kCoordinator) return;
  // As schedulers do before they kill.
  dynamic_cast<RealLoop&>(loop_).uv().on_terminate(
      [this, island = island_of(peer.peer)] { ask_to_leave(island); });
}

void World::end_island(bool leaves) {
  wait_for_news(loop_.now() + options_.member.peer_timeout, leaves);
}

/// Looks now and then; the deadline counts from when the coordinator was heard last.
void World::wait_for_news(Nanos until, bool leaves) {
  const auto island = static_cast<std::size_t>(island_of(options_.only->peer));
  const Nanos heard = places_[island]->transport->heard(PeerId::kCoordinator);
  until = std::max(until, heard + options_.member.peer_timeout);
  const bool done = teller_->all_heard() && (leaves || teller_->over());
  if (done || loop_.now() >= until) return loop_.let_close();
  loop_.at(loop_.now() + kLook, [this, until, leaves] { wait_for_news(until, leaves); });
}

std::optional<StreamFigures> World::figures() const {
  const Transport& transport =
      *places_[static_cast<std::size_t>(island_of(options_.only->peer))]->transport;
  std::optional<StreamFigures> sum;
  for (const PeerId peer : peers_) {
    if (peer == transport.self()) continue;
    const auto figures = transport.figures(peer);
    if (!figures) continue;
    if (!sum) sum.emplace();
    sum->add(*figures);
  }
  return sum;
}

void World::copy_state(const std::vector<IslandId>& donors, std::uint32_t after,
                       std::uint32_t buffers, std::function<void(Outcome<StateCopy>)> done) {
  std::vector<PeerId> peers;
  for (const IslandId donor : donors) peers.push_back(peer_of(donor));
  const auto drive = [](CatchUp& copier, std::vector<PeerId> from, std::uint32_t round,
                        std::uint32_t most,
                        std::function<void(Outcome<StateCopy>)> told) -> Async<Done> {
    Async<Outcome<StateCopy>> copying = copier.copy(std::move(from), round, most);
    Outcome<StateCopy> copy = co_await copying;
    told(std::move(copy));
    co_return Done{};
  };
  copies_.spawn(drive(*copier_, std::move(peers), after, buffers, std::move(done)));
}

void World::end_run() {
  desk_->say_over();
  wait_for_islands(loop_.now() + kFarewell);
}

/// Who has ended, or gives us a copy, hears nothing else of us, and would think that we are gone.
void World::ping_islands() {
  for (IslandId i = 0; i < islands(); ++i) {
    if (control_->connected(peer_of(i))) control_->ping(peer_of(i), Plane::kControl);
  }
  loop_.at(loop_.now() + options_.member.peer_timeout / 3, [this] { ping_islands(); });
}

void World::wait_for_islands(Nanos until) {
  bool somebody = false;
  for (IslandId i = 0; i < islands(); ++i) somebody = somebody || control_->connected(peer_of(i));
  if (!somebody || loop_.now() >= until) return loop_.let_close();
  loop_.at(loop_.now() + kLook, [this, until] { wait_for_islands(until); });
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
  ++coordinator_lives_;
  control_ = make_transport(PeerId::kCoordinator, loop_,
                            options_.only ? options_.only->incarnation : coordinator_lives_);
  if (again) control_->connect(peers_);
  coordinator_ =
      std::make_unique<Coordinator>(*control_, journal_, ledger_, trace_, options_.coordinator);
}

std::uint32_t World::committed_rounds() const {
  return coordinator_ ? coordinator_->committed_rounds() : 0;
}

std::optional<Failure> World::failure() const {
  return coordinator_ ? coordinator_->failure() : std::nullopt;
}

std::optional<Pace> World::pace() const {
  const auto* real = dynamic_cast<const RealLoop*>(owned_loop_.get());
  const bool none = real == nullptr || options_.real_time->as_it_comes;
  return none ? std::nullopt : std::optional(real->pace());
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
                life > 0 || late || (options_.only && options_.only->joins),
                leaving_[n]};
    body(i, ports);
  });
  loop_cpu_seconds_ = thread_cpu_seconds() - before;
}

}  // namespace strait
