#include "backends/loopback/pipe.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "core/base/check.h"

namespace strait {
namespace {

enum class Life { kNotYet, kAlive, kGone };

struct End {
  PeerId peer{};
  StreamEvents* events = nullptr;  // until the stream is gone or has heard closed()
  Life life = Life::kNotYet;
  Bytes under_way = 0;  // offered here, not yet handed over there
  bool full = false;    // room() was not positive
};

struct Connection {
  std::array<End, 2> ends;  // the dialing one first
  bool broken = false;      // refused, or one end is gone: nothing more is carried
};

constexpr std::size_t other(std::size_t side) { return 1 - side; }

}  // namespace

struct PipeNetwork::Hub : std::enable_shared_from_this<Hub> {
  Loop* loop = nullptr;  // null once the network is gone
  PipeOptions options;
  std::vector<Network::Accept> listeners;  // by peer

  using Shared = std::shared_ptr<Connection>;

  /// `f(hub, connection)` as an event of its own, if the network still exists then.
  template <class F>
  void post(const Shared& connection, F f) {
    loop->post([hub = shared_from_this(), connection, f = std::move(f)]() mutable {
      if (hub->loop != nullptr) f(*hub, connection);
    });
  }

  void connect(const Shared& connection);
  void offer(const Shared& connection, std::size_t side, Slice head, Slice body);
  void hand_over(Connection& connection, std::size_t to, Slice head, Slice body);
  void end(const Shared& connection, std::size_t side);
  Bytes room(const End& end) const { return options.send_buffer - end.under_way; }
};

namespace {

void tell_closed(End& end, Failure failure) {
  StreamEvents* events = std::exchange(end.events, nullptr);
  if (events != nullptr) events->closed(std::move(failure));
}

}  // namespace

class PipeNetwork::Endpoint : public Network {
 public:
  class EndStream : public Stream {
   public:
    EndStream(std::shared_ptr<Hub> hub, Hub::Shared connection, std::size_t side)
        : hub_(std::move(hub)), connection_(std::move(connection)), side_(side) {
      connection_->ends[side_].life = Life::kAlive;
    }
    ~EndStream() override { hub_->end(connection_, side_); }
    EndStream(const EndStream&) = delete;
    EndStream& operator=(const EndStream&) = delete;

    void listen(StreamEvents& events) override { connection_->ends[side_].events = &events; }
    void offer(Slice head, Slice body) override {
      hub_->offer(connection_, side_, std::move(head), std::move(body));
    }
    Bytes room() const override { return hub_->room(connection_->ends[side_]); }

   private:
    std::shared_ptr<Hub> hub_;
    Hub::Shared connection_;
    std::size_t side_;
  };

  Endpoint(std::shared_ptr<Hub> hub, PeerId self) : hub_(std::move(hub)), self_(self) {}

  void listen(Accept accept) override {
    hub_->listeners[static_cast<std::size_t>(index_of(self_))] = std::move(accept);
  }

  std::unique_ptr<Stream> dial(PeerId to, Plane) override {
    STRAIT_CHECK(hub_->loop != nullptr, "peer {} dials on a network that is gone", index_of(self_));
    auto connection = std::make_shared<Connection>();
    connection->ends[0].peer = self_;
    connection->ends[1].peer = to;
    auto stream = std::make_unique<EndStream>(hub_, connection, 0);
    hub_->post(connection, [](Hub& hub, const Hub::Shared& dialed) { hub.connect(dialed); });
    return stream;
  }

 private:
  std::shared_ptr<Hub> hub_;
  PeerId self_;
};

void PipeNetwork::Hub::connect(const Shared& connection) {
  const auto to = static_cast<std::size_t>(index_of(connection->ends[1].peer));
  STRAIT_CHECK(to < listeners.size(), "a dial to peer {} of {}", to, listeners.size());
  if (connection->ends[0].life == Life::kGone) return;
  if (!listeners[to]) {
    connection->broken = true;
    return tell_closed(connection->ends[0],
                       {FailureKind::kRefused, fmt::format("peer {} does not listen", to)});
  }
  // A copy: the peer may listen anew meanwhile.
  const Network::Accept accept = listeners[to];
  accept(connection->ends[0].peer,
         std::make_unique<Endpoint::EndStream>(shared_from_this(), connection, 1));
}

void PipeNetwork::Hub::offer(const Shared& connection, std::size_t side, Slice head, Slice body) {
  if (loop == nullptr || connection->broken) return;
  End& end = connection->ends[side];
  end.under_way += head.size() + body.size();
  if (room(end) <= 0) end.full = true;
  post(connection, [to = other(side), head = std::move(head), body = std::move(body)](
                       Hub& hub, const Shared& c) mutable {
    hub.hand_over(*c, to, std::move(head), std::move(body));
  });
}

void PipeNetwork::Hub::hand_over(Connection& connection, std::size_t to, Slice head, Slice body) {
  End& from = connection.ends[other(to)];
  from.under_way -= head.size() + body.size();
  End& receiver = connection.ends[to];
  for (Slice* slice : {&head, &body}) {  // the first may end the receiver, or the network
    const bool heard = loop != nullptr && receiver.life == Life::kAlive && receiver.events;
    if (slice->size() > 0 && heard) receiver.events->arrived(std::move(*slice));
  }
  if (loop == nullptr || !from.full || room(from) <= 0) return;
  from.full = false;
  if (from.events != nullptr) from.events->writable();
}

void PipeNetwork::Hub::end(const Shared& connection, std::size_t side) {
  End& end = connection->ends[side];
  end.life = Life::kGone;
  end.events = nullptr;
  if (loop == nullptr || connection->broken) return;
  connection->broken = true;
  post(connection, [from = end.peer, to = other(side)](Hub&, const Shared& c) {
    tell_closed(c->ends[to], {FailureKind::kClosed,
                              fmt::format("peer {} reset the connection", index_of(from))});
  });
}

PipeNetwork::PipeNetwork(Loop& loop, int peers, const PipeOptions& options)
    : hub_(std::make_shared<Hub>()) {
  hub_->loop = &loop;
  hub_->options = options;
  hub_->listeners.resize(static_cast<std::size_t>(peers));
  for (int peer = 0; peer < peers; ++peer) {
    endpoints_.push_back(std::make_unique<Endpoint>(hub_, static_cast<PeerId>(peer)));
  }
}

PipeNetwork::~PipeNetwork() {
  hub_->loop = nullptr;
  for (Network::Accept& accept : hub_->listeners) accept = nullptr;
}

Network& PipeNetwork::endpoint(PeerId peer) {
  return *endpoints_.at(static_cast<std::size_t>(index_of(peer)));
}

}  // namespace strait
