// Channel: a connection for rendezvous, cut into messages.
//
// Thread: the loop's. The owner keeps the object during its up-calls: it mutes it there and lets it
// go in a later event.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "backends/tcp/rendezvous_messages.h"
#include "core/io/socket_stream.h"

namespace strait::rendezvous {

class Channel final : public StreamEvents {
 public:
  struct Events {
    std::function<void(std::span<const std::byte> message)> heard;
    std::function<void(const Failure& failure)> lost;  // closed, or nonsense; the last one
  };

  /// Nothing that is longer than `longest` is read.
  Channel(std::unique_ptr<SocketStream> stream, std::size_t longest, Events events)
      : stream_(std::move(stream)), cutter_(longest), events_(std::move(events)) {
    stream_->end_when_other_is_silent();
    stream_->listen(*this);
  }

  void send(std::vector<std::byte> message);

  /// From now on nothing is told.
  void mute() { is_mute_ = true; }

  const SocketAddress& other_side() const { return stream_->other_side(); }

 private:
  void arrived(Slice slice) override;
  void writable() override {}
  void closed(Failure failure) override;

  std::unique_ptr<SocketStream> stream_;
  Cutter cutter_;
  const Events events_;
  bool is_mute_ = false;
};

}  // namespace strait::rendezvous
