#include "apps/probing/real/probe_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "apps/probing/real/probe_protocol.h"
#include "core/base/errors.h"
#include "core/io/socket_options.h"

namespace strait {
namespace {

// What is in the socket but not yet under way: little, so that a transfer ends when its time is
// over; enough for 64 KiB to be left when the thread is woken, 0.5 ms at 1 Gbit/s.
constexpr Bytes kUnsent = 128 << 10;

int new_socket(int family) {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw std::runtime_error(fmt::format("no socket: {}", std::strerror(errno)));
  return fd;
}

/// An option that every Linux has.
template <class Value>
void set(int fd, int level, int name, const Value& value) {
  ::setsockopt(fd, level, name, &value, sizeof value);
}

socklen_t length_of(const SocketAddress& address) {
  return address.family() == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

std::string why_no_connection(const std::string& to, int error) {
  switch (error) {
    case ECONNREFUSED:
      return fmt::format("{}: nobody listens there; start strait net serve on that machine", to);
    case ETIMEDOUT:
      return fmt::format("{}: nobody answers within {} s; check the address and firewalls", to,
                         kProbeSilence.count() / 1'000'000'000);
    default:
      return fmt::format("{}: {}; check the address and this machine's network", to,
                         std::strerror(error));
  }
}

/// Of a connect that has begun; 0 if it is there.
int outcome_of_connect(int fd) {
  pollfd waits{fd, POLLOUT, 0};
  const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(kProbeSilence);
  if (::poll(&waits, 1, static_cast<int>(limit.count())) <= 0) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

}  // namespace

ProbeSocket::ProbeSocket(int fd, std::string peer) : fd_(fd), peer_(std::move(peer)) {
  prepare_socket(fd_, {});
  limit_unsent(fd_, kUnsent);
  set_patience(kProbeSilence);
}

ProbeSocket::~ProbeSocket() {
  if (fd_ >= 0) ::close(fd_);
}

ProbeSocket ProbeSocket::connect(const SocketAddress& to) {
  ProbeSocket socket(new_socket(to.family()), to.text());
  ::fcntl(socket.fd_, F_SETFL, O_NONBLOCK);
  int error = ::connect(socket.fd_, to.raw(), length_of(to)) == 0 ? 0 : errno;
  if (error == EINPROGRESS) error = outcome_of_connect(socket.fd_);
  if (error != 0) throw std::runtime_error(why_no_connection(to.text(), error));
  ::fcntl(socket.fd_, F_SETFL, 0);
  return socket;
}

ProbeSocket ProbeSocket::listen(const SocketAddress& at, const std::string& where) {
  ProbeSocket socket(new_socket(at.family()), at.text());
  set(socket.fd_, SOL_SOCKET, SO_REUSEADDR, 1);
  if (::bind(socket.fd_, at.raw(), length_of(at)) != 0 ||
      ::listen(socket.fd_, kMostProbeConnections) != 0) {
    throw UserError(fmt::format("{}: cannot listen on {}: {}; write another address or port", where,
                                at.text(), std::strerror(errno)));
  }
  ::fcntl(socket.fd_, F_SETFL, O_NONBLOCK);
  return socket;
}

ProbeSocket ProbeSocket::accept() const {
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  const int fd = ::accept4(fd_, reinterpret_cast<sockaddr*>(&from), &size, SOCK_CLOEXEC);
  return fd < 0 ? ProbeSocket() : ProbeSocket(fd, SocketAddress(from).text());
}

SocketAddress ProbeSocket::local() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
  return SocketAddress(address);
}

bool ProbeSocket::set_congestion(std::string_view name) const {
  return ::setsockopt(fd_, IPPROTO_TCP, TCP_CONGESTION, name.data(),
                      static_cast<socklen_t>(name.size())) == 0;
}

void ProbeSocket::set_pacing(BytesPerSecond rate) const {
  // Older kernels take 32 bits only.
  set(fd_, SOL_SOCKET, SO_MAX_PACING_RATE, static_cast<std::uint64_t>(rate.value));
}

void ProbeSocket::set_patience(Nanos time) const {
  const timeval limit{.tv_sec = time.count() / 1'000'000'000,
                      .tv_usec = time.count() % 1'000'000'000 / 1000};
  set(fd_, SOL_SOCKET, SO_RCVTIMEO, limit);
  set(fd_, SOL_SOCKET, SO_SNDTIMEO, limit);
}

void ProbeSocket::send_all(std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) fail();
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
}

std::size_t ProbeSocket::send_some(std::span<const std::byte> bytes, Nanos patience) const {
  pollfd waits{fd_, POLLOUT, 0};
  const auto limit = std::chrono::ceil<std::chrono::milliseconds>(patience);
  if (::poll(&waits, 1, static_cast<int>(limit.count())) <= 0) return 0;
  const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (errno != EAGAIN && errno != EINTR) fail();
  return 0;
}

std::size_t ProbeSocket::receive_some(std::span<std::byte> into) const {
  for (;;) {
    const ssize_t count = ::recv(fd_, into.data(), into.size(), 0);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) fail();
  }
}

std::size_t ProbeSocket::receive_all(std::span<std::byte> into) const {
  std::size_t there = 0;
  while (there < into.size()) {
    const std::size_t count = receive_some(into.subspan(there));
    if (count == 0) break;
    there += count;
  }
  return there;
}

void ProbeSocket::end() const { ::shutdown(fd_, SHUT_WR); }

void ProbeSocket::interrupt() const { ::shutdown(fd_, SHUT_RDWR); }

void ProbeSocket::fail() const {
  throw std::runtime_error(
      errno == EAGAIN
          ? fmt::format("{}: it has fallen silent; check that strait net serve still runs there",
                        peer_)
          : fmt::format("{}: the connection failed: {}", peer_, std::strerror(errno)));
}

}  // namespace strait
