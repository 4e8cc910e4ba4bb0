// Knock: dials an island to find out whether that can be done. SocketNetwork answers it.
//
// Thread: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/io/socket_stream.h"

namespace strait::rendezvous {

class Knock final : public StreamEvents {
 public:
  /// Nothing: this life of the island has answered. Called once, and never after the knock's end;
  /// the knock goes in a later event.
  using Ended = std::function<void(const std::optional<Failure>&)>;

  Knock(UvLoop& loop, const SocketAddress& at, std::uint64_t incarnation, Nanos timeout,
        Ended ended);
  ~Knock() override { loop_.cancel(deadline_); }
  Knock(const Knock&) = delete;
  Knock& operator=(const Knock&) = delete;

 private:
  void arrived(Slice slice) override;
  void writable() override {}
  void closed(Failure failure) override { end(std::move(failure)); }
  void end(const std::optional<Failure>& failure);

  UvLoop& loop_;
  const std::uint64_t incarnation_;
  std::vector<std::byte> heard_;
  Ended ended_;
  SocketStream stream_;
  TimerId deadline_;
};

}  // namespace strait::rendezvous
