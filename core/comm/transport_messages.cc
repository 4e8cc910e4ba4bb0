// Messages: what is sent and received. Connections are in transport.cc.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/comm/transport.h"
#include "core/comm/transport_state.h"

namespace strait {

namespace {

Plane plane_for(Tag tag) { return is_control(tag) ? Plane::kControl : Plane::kData; }

}  // namespace

// ---------------------------------------------------------------------------------------------
// Sending

std::optional<Failure> Transport::why_not(const Peer& p, Tag tag) const {
  if (p.down) return p.down;
  if (cancelled(tag)) return cancelled_failure();
  return std::nullopt;
}

bool Transport::cancelled(Tag tag) const {
  if (floors_.empty() || is_control(tag)) return false;
  const auto floor = floors_.find(group_of(tag));
  return floor != floors_.end() && tag < floor->second;
}

/// Control messages are few and small, and nobody posts a receive for those that are served.
bool Transport::is_announced(Tag tag, std::uint64_t bytes) const {
  return !is_control(tag) && static_cast<Bytes>(bytes) > options_.eager_limit;
}

Pending<Outcome<Done>> Transport::send(const Outgoing& outgoing, Slice message) {
  const Bytes length = message.size();
  return send(outgoing, std::move(message), length, nullptr);
}

Pending<Outcome<Done>> Transport::send(const Outgoing& outgoing, Slice raw, Bytes length,
                                       std::shared_ptr<MessageMaker> maker) {
  const auto total = static_cast<std::uint64_t>(length);
  STRAIT_CHECK(total <= kLargestMessage, "a message of {} bytes", length);
  auto state =
      std::allocate_shared<SendState>(PoolAllocator<SendState>(), loop_, std::move(raw.hold));
  auto pending = state->promise.pending();
  Peer& p = peer(outgoing.to);
  state->failure = why_not(p, outgoing.tag);
  if (!state->failure) {
    enqueue(p, {.to = outgoing,
                .total = total,
                .maker = std::move(maker),
                .bytes = raw.bytes,
                .state = state});
  }
  // Free already (nothing to send, or a dead stream): it completes later, not inside this call.
  if (state.use_count() == 1) loop_.post([state = std::move(state)] {});
  return pending;
}

void Transport::enqueue(Peer& p, OutMessage message) {
  const Tag tag = message.to.tag;
  if (!is_control(tag)) p.remember(exchange_of(tag));
  if (is_control(tag)) message.sequence = p.sequences[tag]++;
  if (is_announced(tag, message.total)) {
    signal(p, {.kind = FrameKind::kAnnounce,
               .tag = tag,
               .total = message.total,
               .sequence = message.sequence});
    p.announced[tag].push_back(std::move(message));
    return;
  }
  p.queue(plane_for(tag)).push_back(std::move(message));
  pump(p, plane_for(tag));
}

void Transport::pump(Peer& p, Plane plane) {
  auto& queue = p.queue(plane);
  auto& connections = p.connections(plane);
  if (plane == Plane::kData) watch_use(p);
  const auto end = connections.begin() + static_cast<std::ptrdiff_t>(usable(p, plane));
  while (!queue.empty()) {
    // The emptiest one, so that several share the load; of equals the first.
    const auto open = std::max_element(connections.begin(), end, [](const auto& a, const auto& b) {
      return a->room() < b->room();
    });
    if (open == end || (*open)->room() <= 0) {
      return;  // writable() or a hello brings us back
    }
    OutMessage message = std::move(queue.front());
    queue.pop_front();
    if (!make(message)) continue;
    // Messages take turns frame by frame, so that a long one does not block the others.
    if (!send_next_frame(**open, message)) queue.push_back(std::move(message));
  }
  if (plane == Plane::kData) p.waited = false;
}

/// False if there is nothing to send after all.
bool Transport::make(OutMessage& message) {
  if (message.maker == nullptr) return true;
  SendState& state = *message.state;
  Outcome<Slice> made =
      std::exchange(message.maker, nullptr)->make({message.bytes, std::move(state.hold)});
  if (!made.ok()) {
    state.failure = made.failure();
    return false;
  }
  STRAIT_CHECK(made.value().bytes.size() == message.total, "{} bytes were made instead of {}",
               made.value().bytes.size(), message.total);
  message.bytes = made.value().bytes;
  state.hold = std::move(made).value().hold;
  return true;
}

bool Transport::send_next_frame(Connection& connection, OutMessage& message) {
  const std::size_t length =
      std::min(static_cast<std::size_t>(options_.frame_bytes), message.total - message.sent);
  const FrameHeader header{.kind = FrameKind::kData,
                           .cause = message.to.cause,
                           .tag = message.to.tag,
                           .total = message.total,
                           .offset = message.sent,
                           .sequence = message.sequence};
  offer(connection, header, {message.bytes.subspan(message.sent, length), message.state},
        message.to.round);
  message.sent += length;
  return message.sent == message.total;
}

void Transport::offer(Connection& connection, const FrameHeader& given, Slice body,
                      std::int64_t round) {
  FrameHeader header = given;
  header.length = static_cast<std::uint32_t>(body.size());
  if (header.kind == FrameKind::kHello || header.kind == FrameKind::kRefuse) {
    header.total = header.length;
  }
  using Packed = std::array<std::byte, kFrameHeaderBytes>;
  const auto packed = std::allocate_shared<const Packed>(PoolAllocator<Packed>(), pack(header));
  const Ledger::Attempt attempt{round, epoch_of(header.tag)};
  ledger_.add(options_.self, connection.peer, attempt, Cause::kFraming, kFrameHeaderBytes);
  if (body.size() > 0) {
    ledger_.add(options_.self, connection.peer, attempt, header.cause, body.size());
  }
  connection.offer({*packed, packed}, std::move(body));
}

void Transport::signal(Peer& p, const FrameHeader& header) {
  Connections& control = p.connections(Plane::kControl);
  if (control.empty()) {
    p.signals.push_back(header);
  } else {
    offer(*control.front(), header, Slice{}, 0);
  }
}

void Transport::release(Peer& p, Tag tag) {
  const auto waiting = p.announced.find(tag);
  if (waiting == p.announced.end()) return;  // given up meanwhile
  p.queue(plane_for(tag)).push_back(std::move(waiting->second.front()));
  waiting->second.pop_front();
  if (waiting->second.empty()) p.announced.erase(waiting);
  pump(p, plane_for(tag));
}

void Transport::writable(Connection& connection) { pump(peer(connection.peer), connection.plane); }

// ---------------------------------------------------------------------------------------------
// Receiving

Pending<Outcome<Slice>> Transport::receive(PeerId from, Tag tag, Bytes length,
                                           std::shared_ptr<std::byte> place) {
  Peer& p = peer(from);
  const Promise<Outcome<Slice>> promise(loop_);
  if (auto failure = why_not(p, tag)) {
    loop_.post([promise, failure = std::move(*failure)] { promise.complete(failure); });
    return promise.pending();
  }
  p.inboxes[tag].asked.push_back({promise, length, loop_.now(), std::move(place)});
  if (!is_control(tag)) look_later();
  // Not now: the message may be there, and nothing completes inside the call.
  loop_.post([alive = alive_, from, tag] {
    if (*alive != nullptr) (*alive)->deliver((*alive)->peer(from), tag);
  });
  return promise.pending();
}

/// The message that a frame belongs to. Null if we do not want it.
IncomingMessage* Transport::incoming(Peer& p, const FrameHeader& header) {
  if (why_not(p, header.tag)) return nullptr;
  if (is_control(header.tag) && header.total > kLargestControl) {
    peer_down(p, {FailureKind::kMismatch,
                  fmt::format("it sends a control message of {} bytes", header.total)});
    return nullptr;
  }
  auto& messages = p.inboxes[header.tag].messages;
  const auto [found, first] = messages.try_emplace(header.sequence, header.total);
  IncomingMessage& message = found->second;
  const bool announces = header.kind == FrameKind::kAnnounce;
  const bool large = is_announced(header.tag, header.total);
  if (announces ? !first : (large && !message.granted)) {
    peer_down(
        p, {FailureKind::kMismatch,
            fmt::format("it {} {} bytes {} (tag {:016x})", announces ? "announces" : "sends",
                        header.total, announces ? "before its last message was taken" : "unasked",
                        header.tag)});
    return nullptr;
  }
  return &message;
}

void Transport::signalled(Connection& connection, const FrameHeader& header) {
  Peer& p = peer(connection.peer);
  p.heard = loop_.now();
  switch (header.kind) {
    case FrameKind::kPing: return;
    case FrameKind::kWaiting: return say_where_we_are(p, header.tag);
    case FrameKind::kElsewhere: return crossed(p, header.tag, header.sequence);
    case FrameKind::kCredit: return release(p, header.tag);
    case FrameKind::kWelcome:
      if (p.id > options_.self || p.stands) return;
      p.incarnation = header.tag;
      p.they_take = static_cast<int>(std::min<std::uint64_t>(header.sequence, kMostConnections));
      return session_stands(p);
    case FrameKind::kWiden:
      p.their_wish = static_cast<int>(std::min<std::uint64_t>(header.sequence, kMostConnections));
      return widen(p);
    default:
      if (incoming(p, header) != nullptr) deliver(p, header.tag);
  }
}

std::shared_ptr<std::byte> Transport::memory_for(Connection& connection,
                                                 const FrameHeader& header) {
  Peer& p = peer(connection.peer);
  p.heard = loop_.now();
  IncomingMessage* message = incoming(p, header);
  if (message == nullptr) return nullptr;
  if (message->total() == header.total) {
    const auto& asked = p.inboxes[header.tag].asked;
    const bool fits = !asked.empty() && asked.front().length == static_cast<Bytes>(header.total);
    return message->memory(buffers_, fits ? asked.front().place : nullptr);
  }
  contradicts(p, header.tag);
  return nullptr;
}

void Transport::contradicts(Peer& p, Tag tag) {
  peer_down(p, {FailureKind::kMismatch,
                fmt::format("frames of one message contradict each other (tag {:016x})", tag)});
}

void Transport::part_arrived(Connection& connection, const FrameHeader& header,
                             std::uint64_t offset, Slice part) {
  Peer& p = peer(connection.peer);
  p.heard = loop_.now();
  IncomingMessage* message = incoming(p, header);
  if (message == nullptr) return;
  if (message->total() != header.total || !message->add(offset, std::move(part))) {
    return contradicts(p, header.tag);
  }
  if (!message->complete()) return;
  if (!is_control(header.tag)) {
    trace_.add({loop_.now(), TraceKind::kMessage, index_of(p.id), index_of(options_.self),
                static_cast<std::int64_t>(header.total)});
  }
  const auto handler = handlers_.find(header.tag);
  if (handler == handlers_.end()) {
    // Nobody has asked for it yet, and maybe nobody will: its sender must not wait for the memory.
    if (p.inboxes[header.tag].asked.empty()) message->keep_copy(buffers_);
    return deliver(p, header.tag);
  }
  // One connection carries them, so this is the next one.
  Inbox& inbox = p.inboxes[header.tag];
  const Slice whole = message->take(buffers_);
  inbox.messages.erase(header.sequence);
  handler->second(p.id, whole);
}

void Transport::serve(TagPlane plane, Handler handler) {
  handlers_[make_tag({.plane = plane})] = std::move(handler);
}

void Transport::ping(PeerId id, Plane plane) {
  // Where something waits, that is the sign of life.
  for (const auto& connection : peer(id).connections(plane)) {
    if (connection->room() > 0) return offer(*connection, {.kind = FrameKind::kPing}, Slice{}, 0);
  }
}

void Transport::deliver(Peer& p, Tag tag) {
  const auto found = p.inboxes.find(tag);
  if (found == p.inboxes.end()) return;
  Inbox& inbox = found->second;
  while (!inbox.asked.empty()) {
    const auto next = inbox.messages.find(inbox.next);
    if (next == inbox.messages.end()) break;
    IncomingMessage& message = next->second;
    const Bytes asked = inbox.asked.front().length;
    const bool fits = asked == kAnyLength || asked == static_cast<Bytes>(message.total());
    if (fits && !message.begun() && !message.granted) {
      message.granted = true;
      signal(p, {.kind = FrameKind::kCredit, .tag = tag, .sequence = next->first});
    }
    // One that is only announced is told to be wrong at once: it will never come.
    if (!message.complete() && (fits || message.begun() || message.granted)) break;
    const Inbox::Asked receive = std::move(inbox.asked.front());
    inbox.asked.erase(inbox.asked.begin());
    IncomingMessage taken = std::move(message);
    inbox.messages.erase(next);
    if (is_control(tag)) ++inbox.next;
    if (fits) {
      receive.promise.complete(taken.take(buffers_));
    } else {
      receive.promise.complete(wrong_length(p, tag, receive.length, taken.total()));
    }
  }
  if (!is_control(tag) && inbox.idle()) p.inboxes.erase(tag);
}

Failure Transport::wrong_length(const Peer& p, Tag tag, Bytes asked, std::uint64_t sent) const {
  return {FailureKind::kMismatch,
          fmt::format("peer {} sends {} bytes where peer {} expects {} (tag {:016x})",
                      index_of(p.id), sent, index_of(options_.self), asked, tag)};
}

Slice make_message(std::vector<std::byte> bytes) {
  auto owned = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  const std::span<const std::byte> span(*owned);
  return {span, std::move(owned)};
}

}  // namespace strait
