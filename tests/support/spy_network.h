// SpyNetwork: a network that counts what is offered and delays each connection differently, so that
// what is sent over several connections arrives in another order. Wraps any network.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "core/base/loop.h"
#include "core/comm/stream.h"

namespace strait {

class SpyNetwork : public Network {
 public:
  /// Arrivals on the n-th connection of this peer are `delay(n)` late.
  using Delay = std::function<Nanos(int connection)>;

  SpyNetwork(Loop& loop, Network& inner, Delay delay = nullptr)
      : loop_(loop), inner_(inner), delay_(std::move(delay)) {}

  void listen(Accept accept) override {
    if (!accept) return inner_.listen(nullptr);
    inner_.listen([this, accept = std::move(accept)](PeerId from, std::unique_ptr<Stream> stream) {
      accept(from, wrap(from, std::move(stream)));
    });
  }
  std::unique_ptr<Stream> dial(PeerId to, Plane plane) override {
    return wrap(to, inner_.dial(to, plane));
  }

  std::map<PeerId, Bytes> offered;  // by receiver
  std::map<PeerId, Bytes> arrived;  // by sender
  std::vector<Bytes> by_connection;

 private:
  class Watched : public Stream, private StreamEvents {
   public:
    Watched(SpyNetwork& spy, PeerId peer, std::unique_ptr<Stream> inner)
        : spy_(spy),
          peer_(peer),
          number_(static_cast<std::size_t>(spy.by_connection.size())),
          delay_(spy.delay_ ? spy.delay_(static_cast<int>(number_)) : Nanos{0}),
          inner_(std::move(inner)),
          self_(std::make_shared<Watched*>(this)) {
      spy_.by_connection.push_back(0);
      inner_->listen(*this);
    }
    ~Watched() override { *self_ = nullptr; }

    void listen(StreamEvents& events) override { events_ = &events; }
    void offer(Slice head, Slice body) override {
      spy_.offered[peer_] += head.size() + body.size();
      spy_.by_connection[number_] += head.size() + body.size();
      inner_->offer(std::move(head), std::move(body));
    }
    Bytes room() const override { return inner_->room(); }
    std::optional<StreamFigures> figures() const override { return inner_->figures(); }

   private:
    void arrived(Slice slice) override {
      spy_.loop_.at(spy_.loop_.now() + delay_, [self = self_, slice = std::move(slice)] {
        if (*self == nullptr) return;
        (*self)->spy_.arrived[(*self)->peer_] += slice.size();
        (*self)->events_->arrived(slice);
      });
    }
    void writable() override { events_->writable(); }
    void closed(Failure failure) override {
      spy_.loop_.at(spy_.loop_.now() + delay_, [self = self_, failure = std::move(failure)] {
        if (*self != nullptr) (*self)->events_->closed(failure);
      });
    }

    SpyNetwork& spy_;
    PeerId peer_;
    std::size_t number_;
    Nanos delay_;
    StreamEvents* events_ = nullptr;
    std::unique_ptr<Stream> inner_;
    std::shared_ptr<Watched*> self_;
  };

  std::unique_ptr<Stream> wrap(PeerId peer, std::unique_ptr<Stream> stream) {
    return std::make_unique<Watched>(*this, peer, std::move(stream));
  }

  Loop& loop_;
  Network& inner_;
  Delay delay_;
};

}  // namespace strait
