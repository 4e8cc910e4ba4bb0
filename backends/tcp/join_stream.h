// One rendezvous connection: messages over a SocketStream. Private to backends/tcp.
//
// Thread: the loop's. Whoever holds it may let it go only in a later event than its up-calls.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "backends/tcp/rendezvous_messages.h"

namespace strait {

class JoinStream final : public StreamEvents {
 public:
  using Hear = std::function<void(JoinMessage&)>;
  using Closed = std::function<void(const Failure&)>;

  JoinStream(std::unique_ptr<SocketStream> stream, std::uint32_t longest, Hear hear, Closed closed)
      : stream_(std::move(stream)),
        reader_(longest),
        hear_(std::move(hear)),
        closed_(std::move(closed)) {
    stream_->listen(*this);
  }

  void say(const JoinMessage& message) {
    const auto bytes = std::make_shared<const std::vector<std::byte>>(pack_frame(message));
    stream_->offer({*bytes, bytes}, {});
  }
  const SocketAddress& other_side() const { return stream_->other_side(); }

 private:
  void arrived(Slice slice) override {
    reader_.add(slice.bytes);
    while (!over_) {
      auto message = reader_.next();
      if (!message) return;
      if (!message->ok()) return closed(message->failure());
      hear_(message->value());
    }
  }
  void writable() override {}
  void closed(Failure failure) override {
    if (!std::exchange(over_, true)) closed_(failure);
  }

  std::unique_ptr<SocketStream> stream_;
  FrameReader reader_;
  const Hear hear_;
  const Closed closed_;
  bool over_ = false;
};

}  // namespace strait
