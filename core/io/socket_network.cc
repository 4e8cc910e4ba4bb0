#include "core/io/socket_network.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace strait {

/// A stream that we dialled; takes itself off the network's lists.
class SocketNetwork::Dialled final : public Stream {
 public:
  Dialled(SocketNetwork& network, PeerId to_, Plane plane_)
      : to(to_),
        plane(plane_),
        stream(network.loop_, network.options_, plane_),
        network_(network.alive_) {}
  ~Dialled() override {
    if (*network_ == nullptr) return;
    std::erase((*network_)->waiting_, this);
    if (call != 0) (*network_)->asked_.erase(call);
  }
  Dialled(const Dialled&) = delete;
  Dialled& operator=(const Dialled&) = delete;

  void listen(StreamEvents& events) override { stream.listen(events); }
  void offer(Slice head, Slice body) override { stream.offer(std::move(head), std::move(body)); }
  Bytes room() const override { return stream.room(); }
  std::optional<StreamFigures> figures() const override { return stream.figures(); }

  const PeerId to;
  const Plane plane;
  SocketStream stream;
  std::uint64_t call = 0;  // that was asked for, if any

 private:
  std::shared_ptr<SocketNetwork*> network_;
};

SocketNetwork::SocketNetwork(UvLoop& loop, PeerId self, const SocketOptions& options,
                             const SocketAddress& listen, const std::string& where)
    : loop_(loop),
      self_(self),
      options_(options),
      address_(listen),
      where_(where),
      alive_(std::make_shared<SocketNetwork*>(this)) {
  // A port that is in use is found now; then it is given back until somebody listens.
  open_port();
  listener_.reset();
}

SocketNetwork::~SocketNetwork() { *alive_ = nullptr; }

void SocketNetwork::open_port() {
  if (listener_) return;
  listener_ = std::make_unique<SocketListener>(
      loop_, options_, address_, where_,
      [this](const Preamble& preamble, std::unique_ptr<SocketStream> stream) {
        accepted(preamble, std::move(stream));
      });
  address_ = listener_->address();
}

void SocketNetwork::listen(Accept accept) {
  accept_ = std::move(accept);
  if (accept_) return open_port();
  close_unused_port();
}

void SocketNetwork::serve_joins(AcceptJoin accept) {
  accept_join_ = std::move(accept);
  if (accept_join_) return open_port();
  close_unused_port();
}

void SocketNetwork::answer_knocks(std::uint64_t incarnation) {
  incarnation_ = incarnation;
  open_port();
}

void SocketNetwork::close_unused_port() {
  if (!accept_ && !accept_join_ && !incarnation_) listener_.reset();
}

void SocketNetwork::answer_knock(std::unique_ptr<SocketStream> stream) {
  const auto memory = std::make_shared<const std::uint64_t>(*incarnation_);
  stream->offer({std::as_bytes(std::span(memory.get(), 1)), memory}, {});
  // Its bytes leave in the event before this one.
  loop_.post([answered = std::move(stream)] {});
}

/// What nobody here wants is reset.
void SocketNetwork::accepted(const Preamble& preamble, std::unique_ptr<SocketStream> stream) {
  switch (preamble.purpose) {
    case Preamble::Purpose::kJoin:
      if (accept_join_) accept_join_(std::move(stream));
      return;
    case Preamble::Purpose::kKnock:
      if (incarnation_ == preamble.call) answer_knock(std::move(stream));
      return;
    case Preamble::Purpose::kReturn: {
      const auto asked = asked_.find(preamble.call);
      if (asked == asked_.end() || asked->second->to != preamble.from) return;
      Dialled& dial = *asked->second;
      asked_.erase(asked);
      dial.call = 0;
      return dial.stream.adopt(*stream);
    }
    case Preamble::Purpose::kPeer:
      if (accept_) {
        const Accept accept = accept_;  // a copy: it may listen anew meanwhile
        accept(preamble.from, std::move(stream));
      }
      return;
  }
}

std::unique_ptr<Stream> SocketNetwork::dial(PeerId to, Plane plane) {
  auto dial = std::make_unique<Dialled>(*this, to, plane);
  if (book_.contains(to)) {
    start(*dial);
  } else {
    waiting_.push_back(dial.get());
  }
  return dial;
}

void SocketNetwork::start(Dialled& dial) {
  const PeerAddress& there = book_.at(dial.to);
  if (there.takes_calls) {
    return dial.stream.connect(there.address, {.plane = dial.plane, .from = self_});
  }
  if (!call_me_) {
    return dial.stream.fail(
        {FailureKind::kRefused, fmt::format("peer {} cannot be dialled", index_of(dial.to))});
  }
  dial.call = ++calls_;
  asked_[dial.call] = &dial;
  call_me_(dial.to, dial.call);
  loop_.at(loop_.now() + options_.dial_timeout, [alive = alive_, call = dial.call] {
    if (*alive == nullptr) return;
    const auto asked = (*alive)->asked_.find(call);
    if (asked == (*alive)->asked_.end()) return;
    asked->second->stream.fail({FailureKind::kTimeout, "the peer did not call back"});
  });
}

void SocketNetwork::know(PeerId peer, const PeerAddress& where) {
  book_[peer] = where;
  const std::vector<Dialled*> waiting = std::exchange(waiting_, {});
  for (Dialled* dial : waiting) {
    if (dial->to == peer) {
      start(*dial);
    } else {
      waiting_.push_back(dial);
    }
  }
}

void SocketNetwork::return_call(PeerId peer, std::uint64_t call) {
  const auto found = book_.find(peer);
  if (found == book_.end() || !accept_) return;
  auto stream = std::make_unique<SocketStream>(loop_, options_, Plane::kData);
  stream->connect(found->second.address,
                  {.purpose = Preamble::Purpose::kReturn, .from = self_, .call = call});
  // As if the peer had dialled us.
  const Accept accept = accept_;
  accept(peer, std::move(stream));
}

}  // namespace strait
