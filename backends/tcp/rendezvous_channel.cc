#include "backends/tcp/rendezvous_channel.h"

#include "core/comm/transport.h"

namespace strait::rendezvous {

void Channel::send(std::vector<std::byte> message) {
  stream_->offer(make_message(std::move(message)), {});
}

void Channel::arrived(Slice slice) {
  if (is_mute_) return;
  cutter_.add(slice.bytes);
  while (!is_mute_) {
    const auto message = cutter_.next();
    if (!message) break;
    events_.heard(*message);
  }
  if (cutter_.is_lost()) closed({FailureKind::kMismatch, "what it sends is not Strait's protocol"});
}

void Channel::closed(Failure failure) {
  if (std::exchange(is_mute_, true)) return;
  events_.lost(failure);
}

}  // namespace strait::rendezvous
