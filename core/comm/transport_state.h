// What a Transport keeps per message and per peer. Private to transport*.cc.
#pragma once

#include <set>

#include "core/comm/connection_count.h"
#include "core/comm/transport.h"

namespace strait {

/// Data connections of a peer that are taken where nobody says how many.
inline constexpr int kMostConnections = 64;

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
  std::uint64_t total = 0;
  std::shared_ptr<MessageMaker> maker = nullptr;  // null once the message is made
  std::span<const std::byte> bytes;               // what it is made of, until then
  std::shared_ptr<SendState> state;
  std::uint64_t sequence = 0;
  std::uint64_t sent = 0;
};

struct Transport::Peer {
  Peer(PeerId i, const TransportOptions& options)
      : id(i), count(options.most_connections, options.measured_over) {}

  OutQueue& queue(Plane plane) { return queues[static_cast<std::size_t>(plane)]; }
  Connections& connections(Plane plane) { return lines[static_cast<std::size_t>(plane)]; }
  const Connections& connections(Plane plane) const {
    return lines[static_cast<std::size_t>(plane)];
  }

  std::set<std::uint8_t>& greeted(Plane plane) { return numbers[static_cast<std::size_t>(plane)]; }

  const PeerId id;
  std::optional<Failure> down;    // for good
  std::uint64_t incarnation = 0;  // of the peer, as far as we know
  std::uint64_t session = 0;      // the current one
  bool stands = false;            // both sides know of it
  bool over = true;               // it was lost, or there was none yet
  Nanos heard{0};
  Nanos redial{0};  // how long we wait before the next dial
  TimerId redial_timer = TimerId::kNone;
  std::array<Connections, 2> lines;               // by plane
  std::array<std::set<std::uint8_t>, 2> numbers;  // by plane: of those that were dialled to us
  std::array<OutQueue, 2> queues;                 // by plane: what may leave
  std::vector<FrameHeader> signals;               // for the control connection, until it is there
  std::map<Tag, OutQueue> announced;              // wait for their credit
  std::unordered_map<Tag, std::uint64_t> sequences;  // of control tags, in this session
  std::unordered_map<Tag, Inbox, std::hash<Tag>, std::equal_to<>,
                     PoolAllocator<std::pair<const Tag, Inbox>>>
      inboxes;
  std::optional<StreamFigures> earlier;  // of connections that are gone
  ConnectionCount count;                 // for our data, if nobody says how many
  bool waited = false;  // data has waited for a connection since the last look at `count`
  int their_wish = 0;   // data connections; of who is dialled, in this session
  int they_take = 0;    // likewise, at most
  int told_wish = 0;    // of ours, if we are dialled
  std::deque<std::uint64_t> begun;  // the exchanges in which we have sent something, the last ones

  void remember(std::uint64_t exchange) {
    constexpr std::size_t kMany = 64;  // more than are ever open
    if (!begun.empty() && begun.back() == exchange) return;
    begun.push_back(exchange);
    if (begun.size() > kMany) begun.pop_front();
  }
};

/// What operations on cancelled tags end with.
inline Failure cancelled_failure() {
  return {FailureKind::kCancelled, "the exchange was given up"};
}

}  // namespace strait
