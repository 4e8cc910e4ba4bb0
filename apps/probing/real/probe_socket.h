// ProbeSocket: a blocking TCP socket of a probe: calls end within a time limit or throw.
//
// std::runtime_error, one line, where the network fails. Thread: one at a time, but `interrupt`,
// which any may call.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "core/base/units.h"
#include "core/io/socket_address.h"

namespace strait {

class ProbeSocket {
 public:
  ProbeSocket() = default;
  ~ProbeSocket();
  ProbeSocket(ProbeSocket&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), peer_(std::move(other.peer_)) {}
  ProbeSocket& operator=(ProbeSocket&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(peer_, other.peer_);
    return *this;
  }

  /// Within kProbeSilence; the message ends in what to do about it.
  static ProbeSocket connect(const SocketAddress& to);

  /// UserError, which begins with `where`, if one cannot listen there.
  static ProbeSocket listen(const SocketAddress& at, const std::string& where);
  /// A socket that waits to be accepted; an empty one if there is none any more.
  ProbeSocket accept() const;

  int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  const std::string& peer() const { return peer_; }  // host:port
  SocketAddress local() const;

  /// False if this kernel does not have it.
  bool set_congestion(std::string_view name) const;
  /// Of what is sent from now on, payload.
  void set_pacing(BytesPerSecond rate) const;
  /// How long a call may wait for anything to move.
  void set_patience(Nanos time) const;

  void send_all(std::span<const std::byte> bytes) const;
  /// As much as there is room for, once there is some; 0 if there is none for so long.
  std::size_t send_some(std::span<const std::byte> bytes, Nanos patience) const;
  /// At least one byte; 0 is the end of what the other one sends.
  std::size_t receive_some(std::span<std::byte> into) const;
  /// How many came before the end: all, or fewer.
  std::size_t receive_all(std::span<std::byte> into) const;
  /// Nothing more is sent; the other one hears that.
  void end() const;
  /// Whoever waits for this socket gets an error or the end.
  void interrupt() const;

 private:
  ProbeSocket(int fd, std::string peer);
  [[noreturn]] void fail() const;

  int fd_ = -1;
  std::string peer_;
};

}  // namespace strait
