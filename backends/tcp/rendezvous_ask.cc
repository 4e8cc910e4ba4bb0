// ask_to_join: plain sockets that wait, since there is no loop yet.
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "backends/tcp/rendezvous.h"
#include "backends/tcp/rendezvous_messages.h"
#include "core/base/errors.h"
#include "core/base/owned_file.h"
#include "core/base/quantities.h"
#include "core/base/wall_clock.h"

namespace strait {

namespace {

using namespace rendezvous;

constexpr Nanos kBetweenDials{200'000'000};

/// How one try ended without an answer.
enum class Miss {
  kRefused,   // nobody listens
  kSilent,    // nothing comes back
  kClosed,    // somebody took the connection and closed it
  kNoAnswer,  // somebody took the connection and says nothing
  kError,     // errno
};

struct Try {
  Miss miss = Miss::kError;
  int error = 0;
  std::optional<std::vector<std::byte>> answer;
};

/// 0, or the errno: ETIMEDOUT if the descriptor was not ready in time.
int wait_for(int fd, short events, Nanos time) {
  const Nanos until = monotonic_now() + time;
  while (true) {
    pollfd one{.fd = fd, .events = events, .revents = 0};
    const Nanos left = std::max(until - monotonic_now(), Nanos{0});
    const int status = ::poll(&one, 1, static_cast<int>(left.count() / 1'000'000) + 1);
    if (status > 0) return 0;
    if (status < 0 && errno != EINTR) return errno;
    if (status == 0) return ETIMEDOUT;
  }
}

int connect_to(int fd, const SocketAddress& to, Nanos silence) {
  const socklen_t length = to.family() == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  if (::connect(fd, to.raw(), length) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  if (const int status = wait_for(fd, POLLOUT, silence); status != 0) return status;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

/// The few bytes of a request fit into a new socket.
bool send_all(int fd, std::span<const std::byte> bytes) {
  return ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

Try try_once(const SocketAddress& to, std::span<const std::byte> request, Nanos silence) {
  const OwnedFile file(::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int fd = file.get();
  if (fd < 0) return {.error = errno};
  const int error = connect_to(fd, to, silence);
  if (error == ECONNREFUSED) return {.miss = Miss::kRefused};
  if (error == ETIMEDOUT) return {.miss = Miss::kSilent};
  if (error != 0) return {.error = error};
  if (!send_all(fd, request)) return {.miss = Miss::kClosed};
  Cutter cutter(kLongestFromDesk);
  std::array<std::byte, 65'536> bytes;
  while (true) {
    if (wait_for(fd, POLLIN, silence) != 0) return {.miss = Miss::kNoAnswer};
    const ssize_t count = ::recv(fd, bytes.data(), bytes.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (count <= 0) return {.miss = Miss::kClosed};
    cutter.add(std::span(bytes).first(static_cast<std::size_t>(count)));
    if (auto message = cutter.next()) return {.answer = std::move(message)};
    if (cutter.is_lost()) return {.answer = std::vector<std::byte>()};  // of no version
  }
}

std::string describe(const Try& last, Nanos patience, Nanos silence) {
  switch (last.miss) {
    case Miss::kRefused:
      return fmt::format(
          "nobody listens there (tried for {}); is the coordinator running, and is that its port?",
          format_duration(patience));
    case Miss::kSilent:
      return fmt::format(
          "nothing has come back for {}; is that the coordinator's address, and does a firewall "
          "drop what is sent there?",
          format_duration(silence));
    case Miss::kNoAnswer:
      return fmt::format(
          "somebody takes connections there, but has said nothing for {}; is it the coordinator, "
          "and does it run?",
          format_duration(silence));
    case Miss::kClosed:
      return "somebody takes connections there and closes them; write the address of the "
             "coordinator, not that of an island or of another program";
    case Miss::kError: break;
  }
  return fmt::format("cannot be reached: {}", std::strerror(last.error));
}

JoinReply read_answer(std::span<const std::byte> answer, const std::string& where) {
  const auto version = version_of(answer);
  if (!version) {
    throw UserError(where +
                    ": what answers there is not Strait; write the address of the coordinator");
  }
  if (*version != kProtocolVersion) {
    throw UserError(fmt::format(
        "{}: the coordinator speaks protocol version {}, this program version {}; run the same "
        "program everywhere",
        where, *version, kProtocolVersion));
  }
  auto message = unpack_from_desk(answer);
  if (message && std::holds_alternative<JoinReply>(*message)) {
    return std::get<JoinReply>(std::move(*message));
  }
  if (message && std::holds_alternative<Refused>(*message)) {
    throw UserError(fmt::format("{}: {}", where, std::get<Refused>(*message).why));
  }
  throw UserError(where + ": the coordinator's answer is garbled; run the same program everywhere");
}

}  // namespace

JoinReply ask_to_join(const HostPort& coordinator, const JoinRequest& request, Nanos patience,
                      Nanos silence) {
  const std::string where = to_string(coordinator);
  const auto addresses = SocketAddress::resolve_all(coordinator, where);
  const auto preamble =
      pack(Preamble{.purpose = Preamble::Purpose::kJoin, .plane = Plane::kControl});
  std::vector<std::byte> bytes(preamble.begin(), preamble.end());
  const auto ask = pack(ToDesk(Ask{request.island, request.program}));
  bytes.insert(bytes.end(), ask.begin(), ask.end());
  for (const Nanos until = monotonic_now() + patience;;) {
    std::optional<Try> told;  // the first address is the likeliest
    for (const SocketAddress& address : addresses) {
      Try one = try_once(address, bytes, silence);
      if (one.answer) {
        JoinReply reply = read_answer(*one.answer, where);
        reply.coordinator = address;
        return reply;
      }
      if (!told || one.miss == Miss::kNoAnswer) told = std::move(one);
    }
    if (told->miss == Miss::kNoAnswer || monotonic_now() >= until) {
      throw UserError(fmt::format("{}: {}", where, describe(*told, patience, silence)));
    }
    ::poll(nullptr, 0, static_cast<int>(kBetweenDials.count() / 1'000'000));
  }
}

}  // namespace strait
