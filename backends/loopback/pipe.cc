#include "backends/loopback/pipe.h"

#include <limits>
#include <utility>

namespace strait {

/// One end of a connection. The ends know each other weakly: destroying one closes the other.
class PipeNetwork::End final : public Stream {
 public:
  /// What events refer to; empty once the end is destroyed.
  struct Port {
    End* end = nullptr;
    std::weak_ptr<Port> other;
  };

  explicit End(Loop& loop) : loop_(loop), port_(std::make_shared<Port>()) { port_->end = this; }
  ~End() override {
    port_->end = nullptr;
    close_later(port_->other, {FailureKind::kClosed, "the peer closed the connection"});
  }

  static void join(End& a, End& b) {
    a.port_->other = b.port_;
    b.port_->other = a.port_;
  }

  void refuse() { close_later(port_, {FailureKind::kRefused, "nobody listens there"}); }

  void listen(StreamEvents& events) override { events_ = &events; }

  void offer(Slice slice) override {
    loop_.post([to = port_->other, s = std::move(slice)]() mutable {
      const auto port = to.lock();
      if (port && port->end != nullptr) port->end->events_->arrived(std::move(s));
    });
  }

  Bytes room() const override { return std::numeric_limits<Bytes>::max(); }

 private:
  void close_later(std::weak_ptr<Port> to, Failure why) {
    loop_.post([to = std::move(to), w = std::move(why)]() mutable {
      const auto port = to.lock();
      if (port && port->end != nullptr && port->end->events_ != nullptr) {
        std::exchange(port->end->events_, nullptr)->closed(std::move(w));
      }
    });
  }

  Loop& loop_;
  std::shared_ptr<Port> port_;
  StreamEvents* events_ = nullptr;
};

class PipeNetwork::Endpoint final : public Network {
 public:
  Endpoint(PipeNetwork& network, PeerId self) : network_(network), self_(self) {}

  void listen(Accept accept) override { accept_ = std::move(accept); }

  std::unique_ptr<Stream> dial(PeerId to, Plane) override {
    auto ours = std::make_unique<End>(network_.loop_);
    const auto found = network_.endpoints_.find(to);
    if (found == network_.endpoints_.end() || !found->second->accept_) {
      ours->refuse();
      return ours;
    }
    auto theirs = std::make_shared<std::unique_ptr<End>>(std::make_unique<End>(network_.loop_));
    End::join(*ours, **theirs);
    Endpoint& there = *found->second;
    network_.loop_.post(
        [&there, from = self_, theirs] { there.accept_(from, std::move(*theirs)); });
    return ours;
  }

 private:
  PipeNetwork& network_;
  const PeerId self_;
  Accept accept_;
};

PipeNetwork::PipeNetwork(Loop& loop) : loop_(loop) {}

PipeNetwork::~PipeNetwork() = default;

Network& PipeNetwork::endpoint(PeerId peer) {
  auto& slot = endpoints_[peer];
  if (!slot) slot = std::make_unique<Endpoint>(*this, peer);
  return *slot;
}

}  // namespace strait
