#include "netsim/emulated_core.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/check.h"

namespace strait {
namespace {

class EmulatedStream : public Stream {
 public:
  EmulatedStream(std::shared_ptr<EmulatedCore> core, EmulatedCore::Shared connection,
                 std::size_t side)
      : core_(std::move(core)), connection_(std::move(connection)), side_(side) {
    end().life = EmulatedCore::Life::kAlive;
  }
  ~EmulatedStream() override { core_->destroyed(connection_, side_); }
  EmulatedStream(const EmulatedStream&) = delete;
  EmulatedStream& operator=(const EmulatedStream&) = delete;

  void listen(StreamEvents& events) override { end().events = &events; }
  void offer(Slice head, Slice body) override {
    core_->offer(connection_, side_, std::move(head), std::move(body));
  }
  Bytes room() const override { return core_->room(connection_->ends[side_]); }
  std::optional<StreamFigures> figures() const override {
    return core_->figures(connection_, side_);
  }

 private:
  EmulatedCore::End& end() { return connection_->ends[side_]; }

  std::shared_ptr<EmulatedCore> core_;
  EmulatedCore::Shared connection_;
  std::size_t side_;
};

/// Links may go on for ever (a timer that doubles, and nobody there): the loop has to see that.
constexpr Nanos kLookAhead{1'000'000'000};

std::unique_ptr<Links> links_of(const NetworkDescription& description,
                                const EmulatedOptions& options) {
  auto model = make_links(options.tcp, description.seed);
  for (const LinkOptions& link : link_options(description, options)) model->add_link(link);
  return model;
}

Slice copied(const Slice& slice) {
  const auto copy =
      std::make_shared<std::vector<std::byte>>(slice.bytes.begin(), slice.bytes.end());
  return {*copy, copy};
}

constexpr std::size_t other(std::size_t side) { return 1 - side; }

Failure why_closed(EmulatedCore::UpCall::Kind kind, PeerId by) {
  if (kind == EmulatedCore::UpCall::Kind::kRefused) {
    return {FailureKind::kRefused, fmt::format("peer {} does not listen", index_of(by))};
  }
  return {FailureKind::kClosed, fmt::format("peer {} reset the connection", index_of(by))};
}

}  // namespace

// --- building ---

EmulatedCore::EmulatedCore(Loop& loop, Trace& trace, const NetworkDescription& description,
                           const EmulatedOptions& options)
    : loop_(&loop),
      trace_(trace),
      options_(options),
      model_(links_of(description, options)),
      playback_(description),
      background_(description, *model_),
      places_(static_cast<std::size_t>(description.places)) {
  for (const LinkSpec& link : description.links)
    links_.push_back({.name = link.name, .rate = link.rate});
  STRAIT_CHECK(description.paths.size() == places_ * places_, "{} paths between {} places",
               description.paths.size(), places_);
  for (const std::vector<int>& path : description.paths) {
    auto& links = paths_.emplace_back();
    for (const int link : path) links.push_back(static_cast<LinkId>(link));
  }
  for (const int place : description.place_of_peer) {
    STRAIT_CHECK(place >= 0 && static_cast<std::size_t>(place) < places_,
                 "peer {} is at place {} of {}", peers_.size(), place, places_);
    peers_.emplace_back().place = static_cast<std::size_t>(place);
  }
}

void EmulatedCore::start(const std::vector<NetworkEvent>& events) {
  start_pauses(events);
  for (const NetworkEvent& event : events) {
    if (event.links.empty() && event.kind != NetworkEventKind::kIslandSilent) continue;
    loop_->at(event.time, [weak = weak_from_this(), event] {
      if (const auto core = weak.lock()) core->apply(event);
    });
  }
  play();
}

void EmulatedCore::start_pauses(const std::vector<NetworkEvent>& events) {
  std::vector<std::vector<Pause>> pauses(peers_.size());
  std::vector<std::vector<SpeedChange>> speeds(peers_.size());
  for (const NetworkEvent& event : events) {
    const bool pause = event.kind == NetworkEventKind::kIslandPause;
    if (!pause && event.kind != NetworkEventKind::kIslandSpeed) continue;
    const auto peer = static_cast<std::size_t>(index_of(peer_of(event.island)));
    STRAIT_CHECK(peer < peers_.size(), "an event of island {}", event.island);
    if (pause) {
      pauses[peer].push_back({event.time, event.time + event.duration});
    } else {
      speeds[peer].push_back({event.time, event.speed_ppm});
    }
  }
  for (std::size_t i = 0; i < peers_.size(); ++i) {
    peers_[i].pauses = PauseSchedule(std::move(pauses[i]), std::move(speeds[i]));
  }
}

void EmulatedCore::stop() {
  loop_->cancel(timer_);
  loop_ = nullptr;
  flow_ends_.clear();
  waiting_.clear();
  for (Peer& peer : peers_) peer.accept = nullptr;
}

EmulatedCore::Peer& EmulatedCore::peer_state(PeerId peer) {
  return const_cast<Peer&>(std::as_const(*this).peer_state(peer));
}

const EmulatedCore::Peer& EmulatedCore::peer_state(PeerId peer) const {
  const auto index = static_cast<std::size_t>(index_of(peer));
  STRAIT_CHECK(index < peers_.size(), "peer {} of {}", index_of(peer), peers_.size());
  return peers_[index];
}

const std::vector<LinkId>& EmulatedCore::path(PeerId from, PeerId to) const {
  return paths_[peer_state(from).place * places_ + peer_state(to).place];
}

std::vector<LinkRow> EmulatedCore::link_table() const {
  std::vector<LinkRow> rows;
  for (std::size_t i = 0; i < links_.size(); ++i) {
    const auto link = static_cast<LinkId>(i);
    rows.push_back(
        {links_[i].name, model_->counters(link), model_->in_flight(link), links_[i].rate});
  }
  return rows;
}

// --- calls from above ---

void EmulatedCore::listen(PeerId peer, Network::Accept accept) {
  peer_state(peer).accept = std::move(accept);
}

std::unique_ptr<Stream> EmulatedCore::dial(PeerId from, PeerId to) {
  const bool running = enter();
  STRAIT_CHECK(running, "peer {} dials on a network that is gone", index_of(from));
  auto connection = std::make_shared<Connection>();
  connection->flows =
      model_->connect(path(from, to), path(to, from), loop_->now(), next_key(from, to));
  connection->ends[0].peer = from;
  connection->ends[0].flow = connection->flows.forward;
  connection->ends[1].peer = to;
  connection->ends[1].flow = connection->flows.backward;
  for (const std::size_t side : {0u, 1u}) {
    const std::size_t flow = index_of(connection->ends[side].flow);
    if (flow >= flow_ends_.size()) flow_ends_.resize(flow + 1);
    flow_ends_[flow] = {connection, side};
  }
  for (const PeerId peer : {from, to}) {
    if (peer_state(peer).silent) model_->set_silent(connection->flows, true, loop_->now());
  }
  return std::make_unique<EmulatedStream>(shared_from_this(), std::move(connection), 0);
}

/// No other connection has it, and whoever else dials changes nothing about it.
std::uint64_t EmulatedCore::next_key(PeerId from, PeerId to) {
  const auto peer = [](PeerId id) { return static_cast<std::uint64_t>(index_of(id)); };
  return peer(from) << 44 | peer(to) << 24 | dials_[{from, to}]++;
}

void EmulatedCore::offer(const Shared& connection, std::size_t side, Slice head, Slice body) {
  // After a reset by the peer the bytes go nowhere; closed() says so. Nor does a killed peer send.
  End& end = connection->ends[side];
  const Bytes size = head.size() + body.size();
  if (size == 0 || end.life == Life::kGone) return;
  if (!enter() || connection->forgotten) return;
  end.offered += size;
  end.under_way.push_back({std::move(head), std::move(body), end.offered});
  if (room(end) <= 0) end.full = true;
  model_->offer(end.flow, size, loop_->now());
  record(TraceKind::kOffered, loop_->now(), *connection, side, size);
}

std::optional<StreamFigures> EmulatedCore::figures(const Shared& connection,
                                                   std::size_t side) const {
  const End& end = connection->ends[side];
  if (loop_ == nullptr || connection->forgotten || end.life == Life::kGone) return std::nullopt;
  return model_->figures(end.flow, loop_->now());
}

void EmulatedCore::destroyed(const Shared& connection, std::size_t side) {
  End& end = connection->ends[side];
  if (end.life == Life::kGone) return;  // its peer was killed
  end.life = Life::kGone;
  end.events = nullptr;
  end.held.clear();
  if (!enter() || connection->forgotten) return;
  if (!connection->opened || connection->ends[other(side)].life == Life::kGone) {
    return forget(*connection);  // nobody is there who could hear of it
  }
  const Bytes left = model_->reset(end.flow, now());
  while (!end.under_way.empty() && end.under_way.back().end > left) end.under_way.pop_back();
  // As a socket's, what is under way may arrive or not, but no longer holds the sender's memory.
  for (std::size_t i = 0; i < end.under_way.size(); ++i) {
    end.under_way[i].head = copied(end.under_way[i].head);
    end.under_way[i].body = copied(end.under_way[i].body);
  }
}

void EmulatedCore::forget(Connection& connection) {
  model_->forget(connection.flows, now());
  connection.forgotten = true;
  for (End& end : connection.ends) {
    end.under_way.clear();
    flow_ends_[index_of(end.flow)] = {};
  }
}

// --- what the links tell ---

/// Nobody's of the peers.
bool EmulatedCore::others(FlowId flow) const {
  const std::size_t index = index_of(flow);
  return index >= flow_ends_.size() || flow_ends_[index].connection == nullptr;
}

void EmulatedCore::opened(FlowId flow, Nanos) {
  if (others(flow)) return;
  const FlowEnd& end = flow_ends_[index_of(flow)];
  if (end.side == 1) return tell(end.connection, 1, {.kind = UpCall::Kind::kAccept});
  const PeerId to = end.connection->ends[1].peer;
  end.connection->opened = true;
  if (peer_state(to).accept) return;
  end.connection->refused = true;
  tell(end.connection, 0, {.kind = UpCall::Kind::kRefused});
}

void EmulatedCore::departed(FlowId flow, Bytes payload, Nanos time) {
  if (others(flow)) return;
  const FlowEnd& from = flow_ends_[index_of(flow)];
  End& end = from.connection->ends[from.side];
  record(TraceKind::kDeparted, time, *from.connection, from.side, payload - end.departed);
  end.departed = payload;
  if (!end.full || room(end) <= 0) return;
  end.full = false;
  tell(from.connection, from.side, {.kind = UpCall::Kind::kWritable});
}

void EmulatedCore::arrived(FlowId flow, Bytes payload, Nanos time) {
  if (others(flow)) return background_.arrived(flow, payload);
  const FlowEnd& from = flow_ends_[index_of(flow)];
  End& end = from.connection->ends[from.side];
  STRAIT_CHECK(!end.under_way.empty() && end.under_way.front().end == payload,
               "{} bytes of flow {} arrived, which is not the end of an offer", payload,
               index_of(flow));
  Offered offered = end.under_way.pop_front();
  const Bytes size = offered.head.size() + offered.body.size();
  record(TraceKind::kArrived, time, *from.connection, from.side, size);
  tell(from.connection, other(from.side),
       {.kind = UpCall::Kind::kArrived,
        .head = std::move(offered.head),
        .body = std::move(offered.body)});
}

void EmulatedCore::closed(FlowId flow, Nanos) {
  const FlowEnd& from = flow_ends_[index_of(flow)];
  tell(from.connection, other(from.side), {.kind = UpCall::Kind::kReset});
}

void EmulatedCore::tell(const Shared& connection, std::size_t side, UpCall call) {
  waiting_.push_back({connection, side, std::move(call)});
}

void EmulatedCore::record(TraceKind kind, Nanos time, const Connection& connection,
                          std::size_t side, Bytes bytes) {
  trace_.add({time, kind, index_of(connection.ends[side].peer),
              index_of(connection.ends[other(side)].peer), bytes});
}

// --- the loop ---

// At the start of every call: brings the model to now, and sees to it that somebody looks at what
// the call has changed. False if the network is gone.
bool EmulatedCore::enter() {
  if (loop_ == nullptr) return false;
  const Nanos now = loop_->now();
  // A loop on the wall clock can be late; then what was due comes first, at its own times.
  if (now > model_->now() && model_->next_event() < now) model_->advance(now, *this);
  look_soon();
  return true;
}

void EmulatedCore::look_soon() {
  if (looks_soon_) return;
  looks_soon_ = true;
  loop_->post([weak = weak_from_this()] {
    if (const auto core = weak.lock()) core->look();
  });
}

void EmulatedCore::look() {
  if (loop_ == nullptr) return;
  looks_soon_ = true;  // what the up-calls change is looked at below
  model_->advance(loop_->now(), *this);
  // Most of what happens on links is nobody else's business: that needs no event of the loop.
  if (waiting_.empty()) {
    const Nanos quiet = std::min(loop_->quiet_until(), loop_->now() + kLookAhead);
    for (Nanos next = model_->next_event(); next < quiet && waiting_.empty();
         next = model_->next_event()) {
      model_->advance(next, *this);
    }
    if (!waiting_.empty() && model_->now() > loop_->now()) return call_up_later();
  }
  make_up_calls();
  if (loop_ == nullptr) return;
  looks_soon_ = false;
  set_timer();
}

// What was found ahead of time is told when it is due. Nothing happens before.
void EmulatedCore::call_up_later() {
  looks_soon_ = false;
  loop_->cancel(timer_);
  timer_time_ = kNever;
  timer_ = loop_->at(model_->now(), [weak = weak_from_this()] {
    const auto core = weak.lock();
    if (core == nullptr) return;
    core->timer_ = TimerId::kNone;
    core->look();
  });
}

void EmulatedCore::set_timer() {
  const Nanos next = model_->next_event();
  if (next == timer_time_) return;
  loop_->cancel(timer_);
  timer_time_ = next;
  timer_ = TimerId::kNone;
  if (next == kNever) return;
  timer_ = loop_->at(next, [weak = weak_from_this()] {
    const auto core = weak.lock();
    if (core == nullptr) return;
    core->timer_ = TimerId::kNone;
    core->timer_time_ = kNever;
    core->look();
  });
}

void EmulatedCore::make_up_calls() {
  // An up-call may destroy streams, offer and dial, but makes no up-call itself.
  for (std::size_t i = 0; i < waiting_.size(); ++i) deliver(std::move(waiting_[i]));
  waiting_.clear();
}

void EmulatedCore::deliver(Waiting waiting) {
  const auto& [connection, side, call] = waiting;
  if (call.closes() && !connection->forgotten) forget(*connection);
  End& end = connection->ends[side];
  if (end.life == Life::kGone) return;
  const Nanos resume = hears_at(end.peer);
  if (resume == loop_->now() && end.held.empty()) {
    return make(connection, side, std::move(waiting.call));
  }
  end.held.push_back(std::move(waiting.call));
  if (end.held.size() == 1) hold_until(resume, connection, side);
}

/// Now, or when the peer neither pauses nor is silent any more.
Nanos EmulatedCore::hears_at(PeerId peer) const {
  const Peer& state = peer_state(peer);
  return state.pauses.resume(std::max(loop_->now(), state.silent_until));
}

void EmulatedCore::hold_until(Nanos resume, const Shared& connection, std::size_t side) {
  if (resume == kNever) return;
  loop_->at(resume, [weak = weak_from_this(), held = connection, side] {
    if (const auto core = weak.lock()) core->release_held(held, side);
  });
}

void EmulatedCore::release_held(const Shared& connection, std::size_t side) {
  if (loop_ == nullptr) return;
  Fifo<UpCall>& held = connection->ends[side].held;
  const Nanos resume = hears_at(connection->ends[side].peer);
  if (resume > loop_->now()) return hold_until(resume, connection, side);  // silent again
  while (loop_ != nullptr && !held.empty()) {
    make(connection, side, held.pop_front());
  }
}

void EmulatedCore::make(const Shared& connection, std::size_t side, UpCall call) {
  End& end = connection->ends[side];
  if (call.kind == UpCall::Kind::kAccept) {
    if (connection->refused) return;
    // A copy: the peer may listen anew meanwhile.
    const Network::Accept accept = peer_state(end.peer).accept;
    if (!accept) return destroyed(connection, side);  // killed since the handshake
    return accept(connection->ends[other(side)].peer,
                  std::make_unique<EmulatedStream>(shared_from_this(), connection, side));
  }
  if (end.life != Life::kAlive) return;
  STRAIT_CHECK(end.events != nullptr, "nobody listens to a stream of peer {}", index_of(end.peer));
  switch (call.kind) {
    case UpCall::Kind::kAccept: return;
    case UpCall::Kind::kArrived:
      for (Slice* slice : {&call.head, &call.body}) {  // the first may end stream and network
        const bool heard = end.life == Life::kAlive && loop_ != nullptr;
        if (slice->size() > 0 && heard) end.events->arrived(std::move(*slice));
      }
      return;
    case UpCall::Kind::kWritable:
      if (room(end) > 0) end.events->writable();
      return;
    case UpCall::Kind::kRefused:
    case UpCall::Kind::kReset:
      return std::exchange(end.events, nullptr)
          ->closed(why_closed(call.kind, connection->ends[other(side)].peer));
  }
}

}  // namespace strait
