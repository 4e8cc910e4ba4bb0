// Connections: dialling, greeting, and their end. Messages are in transport_messages.cc.
#include "core/comm/transport.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/comm/transport_state.h"

namespace strait {

// ---------------------------------------------------------------------------------------------
// Connecting

/// A connection that nothing is said over.
class Transport::Knocker final : public StreamEvents {
 public:
  Knocker(Transport& transport, PeerId peer, int tries)
      : transport_(transport),
        peer_(peer),
        tries_(tries),
        stream_(transport.network_.dial(peer, Plane::kControl)) {
    stream_->listen(*this);
  }

 private:
  void arrived(Slice) override {}
  void writable() override {}
  void closed(Failure failure) override {
    if (failure.kind == FailureKind::kRefused) return transport_.tell_watchers(peer_, failure);
    // A process that dies closes one connection after the other, its port perhaps last.
    if (failure.kind == FailureKind::kClosed && tries_ > 1)
      transport_.knock_later(peer_, tries_ - 1);
  }

  Transport& transport_;
  const PeerId peer_;
  const int tries_;
  std::unique_ptr<Stream> stream_;
};

Transport::Transport(Loop& loop, Network& network, Ledger& ledger, Trace& trace,
                     TransportOptions options)
    : loop_(loop),
      network_(network),
      ledger_(ledger),
      trace_(trace),
      options_(std::move(options)),
      alive_(std::make_shared<Transport*>(this)) {
  // Whoever announces waits for an answer: both must know which messages are announced.
  options_.settings.push_back({"eager_limit", std::to_string(options_.eager_limit)});
  network_.listen([alive = alive_](PeerId from, std::unique_ptr<Stream> stream) {
    if (*alive != nullptr) (*alive)->accepted(from, std::move(stream));
  });
}

Transport::~Transport() {
  close();
  network_.listen(nullptr);  // dials are refused from now on
  *alive_ = nullptr;
}

void Transport::connect(const std::vector<PeerId>& peers) {
  for (const PeerId id : peers) {
    if (id == options_.self) continue;
    STRAIT_CHECK(index_of(id) >= 0, "peer {} in connect()", index_of(id));
    const auto index = static_cast<std::size_t>(index_of(id));
    if (index >= peers_.size()) peers_.resize(index + 1);
    if (peers_[index] == nullptr) peers_[index] = std::make_unique<Peer>(id, options_);
    Peer& p = *peers_[index];
    if (id < options_.self) open_session(p);  // the others dial us
  }
}

void Transport::open_session(Peer& p) {
  p.redial_timer = TimerId::kNone;
  ++p.session;
  p.over = false;
  dial(p, Plane::kControl);
  for (int i = 0; i < std::max(1, options_.data_connections); ++i) dial(p, Plane::kData);
  for (const FrameHeader& header : std::exchange(p.signals, {})) signal(p, header);
  pump(p, Plane::kControl);
  pump(p, Plane::kData);
}

void Transport::dial(Peer& p, Plane plane) {
  const auto number = static_cast<std::uint8_t>(p.connections(plane).size());
  auto& connection = p.connections(plane).emplace_back(std::make_unique<Connection>(
      events(), network_.dial(p.id, plane), p.id, plane, Connection::State::kOpen));
  const Hello hello{.run_id = options_.run_id,
                    .from = options_.self,
                    .plane = plane,
                    .incarnation = options_.incarnation,
                    .session = p.session,
                    .number = number,
                    .settings = options_.settings};
  offer(*connection, {.kind = FrameKind::kHello}, make_message(pack(hello)), 0);
}

void Transport::accepted(PeerId from, std::unique_ptr<Stream> stream) {
  if (closed_) return;
  strangers_.push_back(std::make_unique<Connection>(events(), std::move(stream), from, Plane::kData,
                                                    Connection::State::kStranger));
}

void Transport::greeted(Connection& connection, std::span<const std::byte> bytes) {
  Outcome<Hello> read = unpack_hello(bytes);
  if (!read.ok()) return lost(connection, read.failure());
  Hello hello = std::move(read).value();
  if (hello.version != kProtocolVersion) hello.from = connection.peer;  // nothing else was read
  const std::string why = why_refused(hello);
  if (!why.empty()) return refuse(connection, hello, why);
  Peer& p = peer(hello.from);
  if (!is_current(p, hello)) return bury(take_stranger(connection));
  connection.peer = p.id;
  connection.plane = hello.plane;
  connection.state = Connection::State::kOpen;
  p.connections(hello.plane).push_back(take_stranger(connection));
  p.heard = loop_.now();
  if (hello.plane == Plane::kControl) {
    offer(connection,
          {.kind = FrameKind::kWelcome,
           .tag = options_.incarnation,
           .sequence = static_cast<std::uint64_t>(takes())},
          Slice{}, 0);
    session_stands(p);
    for (const FrameHeader& header : std::exchange(p.signals, {})) signal(p, header);
  }
  pump(p, hello.plane);
}

/// Whether the hello is of the session that counts now, and was not heard before; one of a newer
/// session ends the one before.
bool Transport::is_current(Peer& p, const Hello& hello) {
  const auto theirs = std::pair(hello.incarnation, hello.session);
  const auto known = std::pair(p.incarnation, p.session);
  if (theirs < known || (theirs == known && p.over)) return false;
  if (theirs > known) {
    if (!p.over) {
      end_session(
          p, {FailureKind::kClosed,
              hello.incarnation > p.incarnation ? "it has started anew" : "it has dialled anew"});
    }
    p.incarnation = hello.incarnation;
    p.session = hello.session;
    p.over = false;
  }
  const int most = hello.plane == Plane::kControl ? 1 : takes();
  return hello.number < most && p.greeted(hello.plane).insert(hello.number).second;
}

void Transport::session_stands(Peer& p) {
  p.stands = true;
  p.redial = Nanos{0};
  tell_watchers(p.id, std::nullopt);
  widen(p);
}

std::string Transport::why_refused(const Hello& hello) const {
  const Hello ours{.run_id = options_.run_id, .from = options_.self, .settings = options_.settings};
  std::string why = difference(hello, ours);
  if (!why.empty()) return why;
  const Peer* known = find_peer(hello.from);
  if (known == nullptr || hello.from < options_.self) {
    return fmt::format("peer {} has no place here to dial peer {}", index_of(hello.from),
                       index_of(options_.self));
  }
  return known->down ? known->down->what : std::string();
}

void Transport::refuse(Connection& stranger, const Hello& hello, const std::string& why) {
  Writer text;
  text.put_text(why.substr(0, kLongestText));
  offer(stranger, {.kind = FrameKind::kRefuse}, make_message(text.take()), 0);
  stranger.state = Connection::State::kRefused;
  // So ours hear why, too; but a stranger who only says that it is a peer we know ends nothing.
  Peer* known = find_peer(hello.from);
  if (known != nullptr && known->session == 0 && !options_.open_door) {
    peer_down(*known, {FailureKind::kMismatch, why});
  }
}

// ---------------------------------------------------------------------------------------------
// The end

void Transport::cancel_below(Tag floor) {
  Tag& known = floors_[group_of(floor)];
  if (known >= floor) return;
  known = floor;
  std::vector<OutMessage> dropped;  // their memory is let go when the lists are whole again
  const auto drop = [&](OutQueue& list) {
    const auto kept = std::stable_partition(
        list.begin(), list.end(), [&](const OutMessage& m) { return !cancelled(m.to.tag); });
    std::move(kept, list.end(), std::back_inserter(dropped));
    list.erase(kept, list.end());
  };
  for (const auto& p : peers_) {
    if (p == nullptr) continue;
    for (auto& queue : p->queues) drop(queue);
    for (auto it = p->announced.begin(); it != p->announced.end();) {
      drop(it->second);
      it = it->second.empty() ? p->announced.erase(it) : std::next(it);
    }
    for (auto it = p->inboxes.begin(); it != p->inboxes.end();) {
      if (!cancelled(it->first)) {
        ++it;
        continue;
      }
      for (const auto& receive : it->second.asked) receive.promise.complete(cancelled_failure());
      it = p->inboxes.erase(it);
    }
  }
  for (auto& message : dropped) message.state->failure = cancelled_failure();
}

void Transport::end_session(Peer& p, const Failure& failure) {
  const Failure told{failure.kind, fmt::format("peer {}: {}", index_of(p.id), failure.what)};
  p.earlier = figures(p.id);
  p.over = true;
  p.stands = false;
  p.sequences.clear();
  p.count.lost();
  p.numbers = {};
  p.their_wish = p.they_take = p.told_wish = 0;
  // Taken out first: memory that is let go may lead back here.
  const auto queues = std::exchange(p.queues, {});
  const auto announced = std::exchange(p.announced, {});
  const auto inboxes = std::exchange(p.inboxes, {});
  p.signals.clear();
  for (const auto& queue : queues) {
    for (const auto& message : queue) message.state->failure = told;
  }
  for (const auto& [tag, waiting] : announced) {
    for (const auto& message : waiting) message.state->failure = told;
  }
  for (const auto& [tag, inbox] : inboxes) {
    for (const auto& receive : inbox.asked) receive.promise.complete(told);
  }
  for (auto& line : p.lines) {
    for (auto& connection : std::exchange(line, {})) bury(std::move(connection));
  }
  tell_watchers(p.id, told);
  if (p.down || p.id > options_.self || p.redial_timer != TimerId::kNone) return;
  p.redial =
      p.redial == Nanos{0} ? options_.redial_first : std::min(2 * p.redial, options_.redial_last);
  p.redial_timer = loop_.at(loop_.now() + p.redial, [alive = alive_, id = p.id] {
    if (*alive != nullptr) (*alive)->open_session((*alive)->peer(id));
  });
}

void Transport::peer_down(Peer& p, const Failure& failure) {
  if (p.down) return;
  p.down = Failure{failure.kind, fmt::format("peer {}: {}", index_of(p.id), failure.what)};
  loop_.cancel(p.redial_timer);
  end_session(p, failure);
}

void Transport::drop(PeerId id, const Failure& why) {
  Peer& p = peer(id);
  if (!p.over) end_session(p, why);
}

void Transport::knock(PeerId id) { knock(id, /*tries=*/5); }

void Transport::knock(PeerId id, int tries) {
  constexpr Nanos kPatience{3'000'000'000};
  const auto knocker = std::make_shared<Knocker>(*this, id, tries);
  knockers_.push_back(knocker);
  loop_.at(loop_.now() + kPatience, [alive = alive_, ours = std::weak_ptr(knocker)] {
    if (*alive != nullptr) std::erase((*alive)->knockers_, ours.lock());
  });
}

void Transport::knock_later(PeerId id, int tries) {
  loop_.at(loop_.now() + options_.redial_first, [alive = alive_, id, tries] {
    if (*alive != nullptr && !(*alive)->closed_ && (*alive)->peer(id).over) {
      (*alive)->knock(id, tries);
    }
  });
}

void Transport::lost(Connection& connection, const Failure& failure) {
  if (connection.state != Connection::State::kOpen) return bury(take_stranger(connection));
  Peer& p = peer(connection.peer);
  if (failure.kind == FailureKind::kMismatch) return peer_down(p, failure);
  end_session(p, failure);
}

void Transport::tell_watchers(PeerId id, std::optional<Failure> lost) {
  loop_.post([alive = alive_, id, lost = std::move(lost)] {
    if (*alive == nullptr) return;
    Transport& self = **alive;
    // A copy: a watcher may take itself out, or another one.
    for (SessionWatcher* watcher : std::vector(self.watchers_)) {
      if (std::count(self.watchers_.begin(), self.watchers_.end(), watcher) == 0) continue;
      if (lost) {
        watcher->session_lost(id, *lost);
      } else {
        watcher->session_opened(id);
      }
    }
  });
}

bool Transport::connected(PeerId id) const { return peer(id).stands; }

Nanos Transport::heard(PeerId id) const { return peer(id).heard; }

std::uint64_t Transport::incarnation(PeerId id) const { return peer(id).incarnation; }

std::unique_ptr<Connection> Transport::take_stranger(const Connection& connection) {
  const auto found = std::find_if(strangers_.begin(), strangers_.end(),
                                  [&](const auto& c) { return c.get() == &connection; });
  STRAIT_CHECK(found != strangers_.end(), "an up-call of a connection that nobody accepted");
  auto taken = std::move(*found);
  strangers_.erase(found);
  return taken;
}

void Transport::bury(std::unique_ptr<Connection> connection) {
  connection->state = Connection::State::kGone;
  graves_.push_back(std::move(connection));
  loop_.post([alive = alive_] {
    if (*alive != nullptr) std::exchange((*alive)->graves_, {}).clear();
  });
}

void Transport::close() {
  closed_ = true;
  for (const auto& p : peers_) {
    if (p != nullptr) peer_down(*p, {FailureKind::kClosed, "we closed the transport"});
  }
  for (auto& stranger : std::exchange(strangers_, {})) bury(std::move(stranger));
  knockers_.clear();
}

Transport::Peer& Transport::peer(PeerId id) {
  return const_cast<Peer&>(std::as_const(*this).peer(id));
}

const Transport::Peer& Transport::peer(PeerId id) const {
  const Peer* found = find_peer(id);
  STRAIT_CHECK(found != nullptr, "peer {} was not named in connect()", index_of(id));
  return *found;
}

Transport::Peer* Transport::find_peer(PeerId id) const {
  const auto index = static_cast<std::size_t>(index_of(id));  // a negative one is beyond the end
  return index < peers_.size() ? peers_[index].get() : nullptr;
}

}  // namespace strait
