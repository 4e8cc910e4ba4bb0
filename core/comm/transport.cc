#include "core/comm/transport.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/comm/tags.h"

namespace strait {

// ---------------------------------------------------------------------------------------------
// What is kept per message, per tag, per peer

/// Kept alive by every slice of the message; the end of the last one is the end of the send.
struct Transport::SendState {
  SendState(Loop& loop, std::shared_ptr<const void> h) : promise(loop), hold(std::move(h)) {}
  ~SendState() {
    hold.reset();
    if (failure) {
      promise.complete(*failure);
    } else {
      promise.complete(Done{});
    }
  }

  Promise<Outcome<Done>> promise;
  std::shared_ptr<const void> hold;
  std::optional<Failure> failure;
};

struct Transport::OutMessage {
  Outgoing to;
  std::span<const std::byte> bytes;
  std::shared_ptr<SendState> state;
  std::uint64_t sequence = 0;
  std::uint64_t sent = 0;
};

struct Transport::Incoming {
  std::uint64_t total = 0;
  std::uint64_t received = 0;
  std::map<std::uint64_t, Slice> parts;  // by offset

  bool complete() const { return received == total; }
  void add(std::uint64_t offset, Slice part);
  Slice join();
};

void Transport::Incoming::add(std::uint64_t offset, Slice part) {
  received += part.bytes.size();
  if (!parts.empty()) {
    auto& [before, slice] = *parts.rbegin();
    // Frames of one message are neighbours in the sender's memory: one slice, nothing to copy.
    if (slice.hold == part.hold && before + slice.bytes.size() == offset &&
        slice.bytes.data() + slice.bytes.size() == part.bytes.data()) {
      slice.bytes = {slice.bytes.data(), slice.bytes.size() + part.bytes.size()};
      return;
    }
  }
  parts.emplace(offset, std::move(part));
}

Slice Transport::Incoming::join() {
  if (parts.size() == 1) return std::move(parts.begin()->second);
  std::vector<std::byte> whole(total);
  for (const auto& [offset, slice] : parts) {
    if (slice.size() > 0)
      std::memcpy(whole.data() + offset, slice.bytes.data(), slice.bytes.size());
  }
  return make_message(std::move(whole));
}

struct Transport::PostedReceive {
  Promise<Outcome<Slice>> promise;
  Bytes length;
};

struct Transport::Inbox {
  std::deque<PostedReceive> posted;
  std::map<std::uint64_t, Incoming> messages;  // by sequence
  std::uint64_t next = 0;

  bool idle() const { return posted.empty() && messages.empty(); }
};

struct Transport::Peer {
  explicit Peer(PeerId i) : id(i) {}

  std::deque<OutMessage>& queue(Plane plane) { return queues[static_cast<std::size_t>(plane)]; }
  std::vector<std::unique_ptr<Connection>>& connections(Plane plane) {
    return lines[static_cast<std::size_t>(plane)];
  }

  const PeerId id;
  std::optional<Failure> down;
  std::array<std::vector<std::unique_ptr<Connection>>, 2> lines;
  std::array<std::deque<OutMessage>, 2> queues;
  std::unordered_map<Tag, std::deque<OutMessage>> uncredited;
  std::unordered_map<Tag, int> credits;
  std::vector<std::pair<Tag, Bytes>> credits_to_send;  // asked for before there was a connection
  std::unordered_map<Tag, std::uint64_t> sequences;    // of control tags, which are used again
  std::unordered_map<Tag, Inbox> inboxes;
};

// ---------------------------------------------------------------------------------------------
// One connection: cuts the arriving bytes into frames

class Transport::Connection final : public StreamEvents {
 public:
  Connection(Transport& transport, Peer* to, Plane use, std::unique_ptr<Stream> s)
      : peer(to), plane(use), stream(std::move(s)), transport_(transport) {
    stream->listen(*this);
  }

  void arrived(Slice slice) override {
    // A frame may make the transport bury this connection; it stays in memory until a later event.
    while (!buried && !slice.bytes.empty()) {
      if (!header_) {
        slice = read_header(std::move(slice));
      } else {
        slice = read_body(std::move(slice));
      }
    }
  }

  void writable() override {
    if (peer != nullptr && !buried) transport_.pump(*peer, plane);
  }

  void closed(Failure failure) override {
    if (buried) return;
    if (peer != nullptr) {
      transport_.peer_down(*peer, failure);
    } else {
      buried = true;
    }
  }

  Peer* peer;  // null until the hello of an accepted connection
  Plane plane;
  std::unique_ptr<Stream> stream;
  bool buried = false;

 private:
  Slice read_header(Slice slice) {
    const auto missing = header_bytes_.size() - header_filled_;
    const auto count = std::min(missing, slice.bytes.size());
    std::memcpy(header_bytes_.data() + header_filled_, slice.bytes.data(), count);
    header_filled_ += count;
    if (header_filled_ == header_bytes_.size()) begin_frame();
    return slice.part(count, slice.bytes.size() - count);
  }

  void begin_frame() {
    header_filled_ = 0;
    const auto header = unpack(header_bytes_);
    const bool may_speak = peer != nullptr || (header && header->kind == FrameKind::kHello);
    if (!header || !may_speak) {
      closed({FailureKind::kMismatch, "the peer does not speak Strait's protocol"});
      return;
    }
    body_read_ = 0;
    body_.clear();
    transport_.frame_begins(*this, *header);
    if (header->length > 0) header_ = header;
  }

  Slice read_body(Slice slice) {
    const auto count = std::min<std::uint64_t>(header_->length - body_read_, slice.bytes.size());
    const FrameHeader header = *header_;
    const std::uint64_t at = header.offset + body_read_;
    body_read_ += count;
    const bool last = body_read_ == header.length;
    if (last) header_.reset();
    Slice rest = slice.part(count, slice.bytes.size() - count);
    Slice part = slice.part(0, count);
    slice = {};
    if (header.kind == FrameKind::kData) {
      transport_.part_arrived(*this, header, at, std::move(part));
      return rest;
    }
    body_.insert(body_.end(), part.bytes.begin(), part.bytes.end());
    if (last && header.kind == FrameKind::kHello) transport_.greeted(*this, body_);
    if (last && header.kind == FrameKind::kRefuse) refused();
    return rest;
  }

  void refused() {
    Reader reader(body_);
    const std::string why = reader.get_text();
    closed({FailureKind::kMismatch, why});
  }

  Transport& transport_;
  std::array<std::byte, kFrameHeaderBytes> header_bytes_{};
  std::size_t header_filled_ = 0;
  std::optional<FrameHeader> header_;
  std::uint64_t body_read_ = 0;
  std::vector<std::byte> body_;
};

// ---------------------------------------------------------------------------------------------
// Connecting

Transport::Transport(Loop& loop, Network& network, Ledger& ledger, Trace& trace,
                     TransportOptions options)
    : loop_(loop),
      network_(network),
      ledger_(ledger),
      trace_(trace),
      options_(std::move(options)),
      alive_(std::make_shared<Transport*>(this)) {
  network_.listen([alive = alive_](PeerId from, std::unique_ptr<Stream> stream) {
    if (*alive != nullptr) (*alive)->accepted(from, std::move(stream));
  });
}

Transport::~Transport() {
  close();
  *alive_ = nullptr;
}

void Transport::connect(const std::vector<PeerId>& peers) {
  for (const PeerId id : peers) {
    if (id == options_.self) continue;
    Peer& p = *peers_.try_emplace(id, std::make_unique<Peer>(id)).first->second;
    if (id > options_.self) continue;  // that one dials us
    open(p, Plane::kControl);
    for (int i = 0; i < options_.data_connections; ++i) open(p, Plane::kData);
  }
}

void Transport::open(Peer& p, Plane plane) {
  auto connection = std::make_unique<Connection>(*this, &p, plane, network_.dial(p.id, plane));
  send_hello(*connection);
  p.connections(plane).push_back(std::move(connection));
}

void Transport::accepted(PeerId, std::unique_ptr<Stream> stream) {
  std::erase_if(strangers_, [](const auto& c) { return c == nullptr; });
  strangers_.push_back(
      std::make_unique<Connection>(*this, nullptr, Plane::kData, std::move(stream)));
}

void Transport::send_hello(Connection& connection) {
  Writer hello;
  hello.put(kProtocolVersion)
      .put(options_.run_id)
      .put(options_.self)
      .put(connection.plane)
      .put(static_cast<std::uint32_t>(options_.settings.size()));
  for (const auto& setting : options_.settings) {
    hello.put_text(setting.key).put_text(setting.value);
  }
  send_small(connection, {.kind = FrameKind::kHello}, hello.take());
}

void Transport::greeted(Connection& connection, std::span<const std::byte> bytes) {
  if (connection.peer != nullptr) return;  // a second hello says nothing new
  Reader hello(bytes);
  const auto version = hello.get<std::uint32_t>();
  const auto run = hello.get<std::uint64_t>();
  const auto from = hello.get<PeerId>();
  const auto plane = hello.get<Plane>();
  std::string why;
  if (version != kProtocolVersion) {
    why = fmt::format("peer {} speaks protocol version {}, peer {} version {}", index_of(from),
                      version, index_of(options_.self), kProtocolVersion);
  } else if (run != options_.run_id) {
    why = fmt::format("peer {} belongs to run {:x}, peer {} to run {:x}", index_of(from), run,
                      index_of(options_.self), options_.run_id);
  } else if (!peers_.contains(from) || plane > Plane::kData) {
    why = fmt::format("peer {} has no place in this run", index_of(from));
  } else {
    why = why_refused(from, hello);
  }
  if (!why.empty()) {
    Writer refusal;
    refusal.put_text(why);
    send_small(connection, {.kind = FrameKind::kRefuse}, refusal.take());
    if (peers_.contains(from)) peer_down(peer(from), {FailureKind::kMismatch, why});
    return;
  }
  Peer& p = peer(from);
  const auto self = std::find_if(strangers_.begin(), strangers_.end(),
                                 [&](const auto& c) { return c.get() == &connection; });
  STRAIT_CHECK(self != strangers_.end(), "a hello from a connection that nobody accepted");
  connection.peer = &p;
  connection.plane = plane;
  p.connections(plane).push_back(std::move(*self));
  if (plane == Plane::kControl) {
    for (const auto& [tag, length] : p.credits_to_send) credit(p, tag, length);
    p.credits_to_send.clear();
  }
  pump(p, plane);
}

std::string Transport::why_refused(PeerId from, Reader& hello) const {
  std::map<std::string, std::string> theirs;
  const auto count = hello.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && hello.ok(); ++i) {
    const std::string key = hello.get_text();
    theirs[key] = hello.get_text();
  }
  if (!hello.finished()) return fmt::format("the hello of peer {} is cut short", index_of(from));
  for (const auto& [key, value] : options_.settings) {
    const auto it = theirs.find(key);
    const std::string other = it == theirs.end() ? "nothing" : it->second;
    if (other != value) {
      return fmt::format("peers {} and {} differ in '{}': {} and {}", index_of(from),
                         index_of(options_.self), key, other, value);
    }
  }
  return {};
}

// ---------------------------------------------------------------------------------------------
// Sending

Pending<Outcome<Done>> Transport::send(const Outgoing& outgoing, Slice message) {
  auto state = std::make_shared<SendState>(loop_, std::move(message.hold));
  auto pending = state->promise.pending();
  Peer& p = peer(outgoing.to);
  OutMessage out{.to = outgoing, .bytes = message.bytes, .state = std::move(state)};
  if (p.down) {
    out.state->failure = p.down;
    return pending;
  }
  if (is_control(outgoing.tag)) out.sequence = p.sequences[outgoing.tag]++;
  const Plane plane = is_control(outgoing.tag) ? Plane::kControl : Plane::kData;
  if (needs_credit(outgoing.tag, message.size())) {
    auto& credits = p.credits[outgoing.tag];
    if (credits == 0) {
      p.uncredited[outgoing.tag].push_back(std::move(out));
      pump(p, plane);
      return pending;
    }
    if (--credits == 0) p.credits.erase(outgoing.tag);
  }
  p.queue(plane).push_back(std::move(out));
  pump(p, plane);
  return pending;
}

/// Control messages go at once whatever their size: their receivers know no length to give credit
/// for.
bool Transport::needs_credit(Tag tag, Bytes length) const {
  return !is_control(tag) && length > options_.eager_limit;
}

void Transport::pump(Peer& p, Plane plane) {
  auto& queue = p.queue(plane);
  auto& connections = p.connections(plane);
  while (!queue.empty()) {
    // The emptiest one, so that several share the load; of equals the first.
    const auto open = std::max_element(
        connections.begin(), connections.end(),
        [](const auto& a, const auto& b) { return a->stream->room() < b->stream->room(); });
    if (open == connections.end() || (*open)->stream->room() <= 0) {
      return;  // writable() or a hello brings us back
    }
    OutMessage message = std::move(queue.front());
    queue.pop_front();
    // Messages take turns frame by frame, so that a long one does not block the others.
    if (!send_frame(p, **open, message)) queue.push_back(std::move(message));
  }
}

bool Transport::send_frame(Peer& p, Connection& connection, OutMessage& message) {
  const auto length = std::min<std::uint64_t>(static_cast<std::uint64_t>(options_.frame_bytes),
                                              message.bytes.size() - message.sent);
  const FrameHeader header{.kind = FrameKind::kData,
                           .cause = message.to.cause,
                           .length = static_cast<std::uint32_t>(length),
                           .tag = message.to.tag,
                           .total = message.bytes.size(),
                           .offset = message.sent,
                           .sequence = message.sequence};
  const auto packed = pack(header);
  connection.stream->offer(make_message({packed.begin(), packed.end()}));
  ledger_.add(options_.self, p.id, message.to.round, Cause::kFraming, kFrameHeaderBytes);
  if (length > 0) {
    connection.stream->offer({message.bytes.subspan(message.sent, length), message.state});
    ledger_.add(options_.self, p.id, message.to.round, message.to.cause,
                static_cast<Bytes>(length));
  }
  message.sent += length;
  return message.sent == message.bytes.size();
}

void Transport::send_small(Connection& connection, const FrameHeader& given,
                           std::vector<std::byte> body) {
  FrameHeader header = given;
  header.length = static_cast<std::uint32_t>(body.size());
  if (!body.empty()) header.total = body.size();
  const auto packed = pack(header);
  std::vector<std::byte> bytes(packed.begin(), packed.end());
  bytes.insert(bytes.end(), body.begin(), body.end());
  const PeerId to = connection.peer == nullptr ? options_.self : connection.peer->id;
  ledger_.add(options_.self, to, 0, Cause::kControl, static_cast<Bytes>(bytes.size()));
  connection.stream->offer(make_message(std::move(bytes)));
}

void Transport::credit(Peer& p, Tag tag, Bytes length) {
  auto& control = p.connections(Plane::kControl);
  if (control.empty()) {
    p.credits_to_send.emplace_back(tag, length);
    return;
  }
  send_small(*control.front(),
             {.kind = FrameKind::kCredit, .tag = tag, .total = static_cast<std::uint64_t>(length)});
}

// ---------------------------------------------------------------------------------------------
// Receiving

Pending<Outcome<Slice>> Transport::receive(PeerId from, Tag tag, Bytes length) {
  Peer& p = peer(from);
  Promise<Outcome<Slice>> promise(loop_);
  auto pending = promise.pending();
  if (p.down) {
    promise.complete(*p.down);
    return pending;
  }
  p.inboxes[tag].posted.push_back({promise, length});
  if (needs_credit(tag, length)) credit(p, tag, length);
  // Not now: the message may be there, and nothing completes inside the call.
  loop_.post([alive = alive_, from, tag] {
    if (*alive != nullptr) (*alive)->deliver((*alive)->peer(from), tag);
  });
  return pending;
}

void Transport::frame_begins(Connection& connection, const FrameHeader& header) {
  if (connection.peer == nullptr) return;
  Peer& p = *connection.peer;
  if (header.kind == FrameKind::kCredit) {
    const auto waiting = p.uncredited.find(header.tag);
    if (waiting == p.uncredited.end()) {
      ++p.credits[header.tag];
      return;
    }
    const Plane plane = is_control(header.tag) ? Plane::kControl : Plane::kData;
    p.queue(plane).push_back(std::move(waiting->second.front()));
    waiting->second.pop_front();
    if (waiting->second.empty()) p.uncredited.erase(waiting);
    pump(p, plane);
  } else if (header.kind == FrameKind::kData && header.length == 0) {
    part_arrived(connection, header, header.offset, Slice{});
  }
}

void Transport::part_arrived(Connection& connection, const FrameHeader& header, std::uint64_t at,
                             Slice part) {
  Peer& p = *connection.peer;
  auto& message = p.inboxes[header.tag].messages[header.sequence];
  if (message.parts.empty()) message.total = header.total;
  message.add(at, std::move(part));
  if (message.total != header.total || message.received > message.total) {
    peer_down(p, {FailureKind::kMismatch, "frames of one message contradict each other"});
    return;
  }
  if (!message.complete()) return;
  trace_.add({loop_.now(), TraceKind::kMessage, index_of(p.id), index_of(options_.self),
              static_cast<std::int64_t>(header.total)});
  deliver(p, header.tag);
}

void Transport::deliver(Peer& p, Tag tag) {
  const auto found = p.inboxes.find(tag);
  if (found == p.inboxes.end()) return;
  Inbox& inbox = found->second;
  while (!inbox.posted.empty()) {
    const auto message = inbox.messages.find(inbox.next);
    if (message == inbox.messages.end() || !message->second.complete()) break;
    PostedReceive receive = std::move(inbox.posted.front());
    inbox.posted.pop_front();
    const auto total = static_cast<Bytes>(message->second.total);
    if (receive.length != kAnyLength && receive.length != total) {
      receive.promise.complete(Failure{
          FailureKind::kMismatch,
          fmt::format("peer {} sent {} bytes where peer {} expects {} (tag {:016x})",
                      index_of(p.id), total, index_of(options_.self), receive.length, tag)});
    } else {
      receive.promise.complete(message->second.join());
    }
    inbox.messages.erase(message);
    if (is_control(tag)) ++inbox.next;
  }
  if (!is_control(tag) && inbox.idle()) p.inboxes.erase(found);
}

// ---------------------------------------------------------------------------------------------
// The end

void Transport::peer_down(Peer& p, const Failure& failure) {
  if (p.down) return;
  p.down = Failure{failure.kind, fmt::format("peer {}: {}", index_of(p.id), failure.what)};
  for (auto& queue : p.queues) {
    for (auto& message : queue) message.state->failure = p.down;
    queue.clear();
  }
  for (auto& [tag, waiting] : p.uncredited) {
    for (auto& message : waiting) message.state->failure = p.down;
  }
  p.uncredited.clear();
  for (auto& [tag, inbox] : p.inboxes) {
    for (auto& receive : inbox.posted) receive.promise.complete(*p.down);
  }
  p.inboxes.clear();
  for (auto& line : p.lines) {
    for (auto& connection : line) bury(std::move(connection));
    line.clear();
  }
}

void Transport::bury(std::unique_ptr<Connection> connection) {
  connection->buried = true;
  graves_.push_back(std::move(connection));
  loop_.post([alive = alive_] {
    if (*alive != nullptr) (*alive)->graves_.clear();
  });
}

void Transport::close() {
  for (auto& [id, p] : peers_) peer_down(*p, {FailureKind::kClosed, "we closed the transport"});
  strangers_.clear();
  graves_.clear();
}

Transport::Peer& Transport::peer(PeerId id) {
  const auto found = peers_.find(id);
  STRAIT_CHECK(found != peers_.end(), "peer {} was not named in connect()", index_of(id));
  return *found->second;
}

Slice make_message(std::vector<std::byte> bytes) {
  auto owned = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  const std::span<const std::byte> span(*owned);
  return {span, std::move(owned)};
}

}  // namespace strait
