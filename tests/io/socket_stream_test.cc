// The conformance suite of streams over sockets of the loopback device, in one process, and what
// only sockets do.
#include "core/io/socket_stream.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "backends/tcp/tcp_fabric.h"
#include "core/comm/transport.h"
#include "core/io/uv_loop.h"
#include "tests/conformance/stream_conformance.h"

namespace strait {
namespace {

class SocketWorld : public StreamWorld {
 public:
  explicit SocketWorld(Bytes send_buffer) : fabric_(loop_, {.unsent = send_buffer}) {
    for (int peer = 0; peer < 4; ++peer) fabric_.endpoint(static_cast<PeerId>(peer));
  }
  Network& endpoint(PeerId peer) override { return fabric_.endpoint(peer); }
  bool joins() const override { return true; }

  /// Nobody tells when the kernel has nothing left to hand over: 30 ms are long on loopback.
  void run() override {
    loop_.start_clock();
    loop_.at(loop_.wall() + Nanos{30'000'000}, [] {});
    loop_.run_until_idle();
  }

 private:
  UvLoop loop_;
  TcpFabric fabric_;
};

TEST_CASE("sockets are a network", "[stream]") {
  check_streams([](Bytes send_buffer) { return std::make_unique<SocketWorld>(send_buffer); });
}

/// What a stream tells.
struct Told final : StreamEvents {
  void arrived(Slice) override {}
  void writable() override {}
  void closed(Failure failure) override { end = std::move(failure); }

  std::optional<Failure> end;
};

TEST_CASE("a write to a peer that has just gone ends the stream and not the program", "[stream]") {
  const auto before = std::signal(SIGPIPE, SIG_DFL);
  const SocketAddress any;
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  REQUIRE(::bind(listener, any.raw(), sizeof(sockaddr_in)) == 0);
  REQUIRE(::listen(listener, 1) == 0);
  sockaddr_storage raw{};
  socklen_t size = sizeof raw;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&raw), &size);

  UvLoop loop;
  Told told;
  const SocketOptions options;
  SocketStream stream(loop, options, Plane::kControl);
  stream.listen(told);
  stream.connect(SocketAddress(raw), {});
  loop.at(Nanos{50'000'000}, [&] {
    const int peer = ::accept(listener, nullptr, nullptr);
    std::array<std::byte, kPreambleBytes> preamble;
    CHECK(::recv(peer, preamble.data(), preamble.size(), MSG_WAITALL) == kPreambleBytes);
    ::close(peer);
    // The first write is answered with a reset, before the loop looks what has arrived; the next
    // one meets a broken pipe.
    for (int i = 1; i <= 3; ++i) {
      loop.at(loop.now() + Nanos{i},
              [&] { stream.offer(make_message(std::vector<std::byte>(1000)), {}); });
    }
  });
  loop.run_until_idle();
  CHECK(told.end.has_value());
  CHECK(told.end->kind == FailureKind::kClosed);
  sigset_t waiting;
  ::sigpending(&waiting);
  CHECK(::sigismember(&waiting, SIGPIPE) == 0);
  ::close(listener);
  std::signal(SIGPIPE, before);
}

}  // namespace
}  // namespace strait
