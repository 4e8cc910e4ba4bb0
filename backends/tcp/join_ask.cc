// The blocking part of a rendezvous: an island asks for its place before it has a loop.
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "backends/tcp/rendezvous_messages.h"
#include "core/base/errors.h"
#include "core/base/quantities.h"
#include "core/base/wall_clock.h"

namespace strait {

namespace {

constexpr auto kRetry = std::chrono::milliseconds(100);

class Socket {
 public:
  explicit Socket(int family) : fd_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

  /// False after `end`.
  bool wait(short events, Nanos end) const {
    pollfd polled{.fd = fd_, .events = events};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - monotonic_now()).count();
    return left > 0 && ::poll(&polled, 1, static_cast<int>(left)) > 0;
  }

 private:
  int fd_;
};

/// errno of the attempt; 0: connected.
int connect_by(const Socket& socket, const SocketAddress& to, Nanos end) {
  if (::connect(socket.fd(), to.raw(), sizeof(sockaddr_storage)) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  if (!socket.wait(POLLOUT, end)) return ETIMEDOUT;
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &length);
  return error;
}

UserError nobody(const std::string& place, const std::string& why) {
  return UserError(fmt::format("strait join: {}: {}", place, why));
}

std::unique_ptr<Socket> connect(const SocketAddress& to, const std::string& place, Nanos patience,
                                Nanos silence) {
  const Nanos end = monotonic_now() + patience;
  while (true) {
    auto socket = std::make_unique<Socket>(to.family());
    const int error = connect_by(*socket, to, monotonic_now() + silence);
    if (error == 0) return socket;
    if (error == ETIMEDOUT) {
      throw nobody(place, fmt::format("no answer for {}; a firewall may drop what goes there, or "
                                      "the address is wrong",
                                      format_duration(silence)));
    }
    if (error != ECONNREFUSED) throw nobody(place, std::strerror(error));
    if (monotonic_now() >= end) {
      throw nobody(place, "nobody listens there; start strait coordinator first, or check the port");
    }
    std::this_thread::sleep_for(kRetry);
  }
}

}  // namespace

JoinReply ask_to_join(const HostPort& coordinator, const JoinRequest& request, Nanos patience,
                      Nanos silence) {
  const std::string place = to_string(coordinator);
  const SocketAddress to = SocketAddress::resolve(coordinator, "strait join");
  const auto socket = connect(to, place, patience, silence);
  const auto preamble = pack(Preamble{.purpose = Preamble::Purpose::kJoin, .plane = Plane::kControl});
  std::vector<std::byte> bytes(preamble.begin(), preamble.end());
  const auto ask = pack_frame(
      AskMessage{.island = request.island.value_or(-1), .program = request.program});
  bytes.insert(bytes.end(), ask.begin(), ask.end());
  // A new socket takes this little.
  const ssize_t sent = ::send(socket->fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(bytes.size())) throw nobody(place, std::strerror(errno));
  FrameReader reader(kLongestJoinFrame);
  const Nanos end = monotonic_now() + silence;
  while (true) {
    if (!socket->wait(POLLIN, end)) {
      throw nobody(place, fmt::format("it accepts connections, but says nothing for {}; is that "
                                      "strait coordinator?",
                                      format_duration(silence)));
    }
    std::byte buffer[65536];
    const ssize_t count = ::recv(socket->fd(), buffer, sizeof buffer, 0);
    if (count <= 0) {
      throw nobody(place, "it closes the connection without an answer; is that strait coordinator, "
                          "and of the same version?");
    }
    reader.add({buffer, static_cast<std::size_t>(count)});
    auto message = reader.next();
    if (!message) continue;
    if (!message->ok()) throw nobody(place, message->failure().what);
    if (const auto* refused = std::get_if<RefusedMessage>(&message->value())) {
      throw nobody(place, refused->why);
    }
    auto* given = std::get_if<PlaceMessage>(&message->value());
    if (given == nullptr) throw nobody(place, "its answer is none");
    return std::move(given->place);
  }
}

}  // namespace strait
