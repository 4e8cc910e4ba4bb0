// The relay between pairs of sockets in the place of TUN devices: both give and take one packet at
// a time. By the wall clock, so only what is too early would be an error.
#include "apps/lab/link_relay.h"

#include <sys/socket.h>

#include <cstring>

#include "apps/lab/host_namespace.h"
#include "core/base/wall_clock.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

struct Device {
  OwnedFile host, tun;

  Device() {
    int ends[2] = {-1, -1};
    REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    host = OwnedFile(ends[0]);
    tun = OwnedFile(ends[1]);
  }

  void send_to(int other, std::size_t size) const {
    std::vector<unsigned char> packet(size);
    packet[0] = 0x45;
    const in_addr address = address_of(other);
    std::memcpy(packet.data() + 16, &address, sizeof address);
    REQUIRE(::send(host.get(), packet.data(), size, 0) == static_cast<ssize_t>(size));
  }

  /// The size of the next packet; 0 if none comes within 5 s.
  std::size_t receive() const {
    pollfd poll{host.get(), POLLIN, 0};
    if (::poll(&poll, 1, 5000) != 1) return 0;
    std::array<unsigned char, 2048> packet;
    return static_cast<std::size_t>(::recv(host.get(), packet.data(), packet.size(), 0));
  }
};

TEST_CASE("packets pass all links of their path and those without a path none", "[relay]") {
  const RelayLinkOptions narrow{.rate = {100'000}, .delay = 5ms, .queue = 10'000};
  const RelayLinkOptions wide{.delay = 20ms, .queue = 10'000};
  const Device a, b;
  // From the first to the second there are three links, the other way and to itself none.
  LinkRelay relay({.links = {narrow, wide, narrow}, .paths = {{}, {0, 1, 2}, {}, {}}},
                  {a.tun.get(), b.tun.get()});
  const Nanos start = monotonic_now();
  a.send_to(0, 100);
  b.send_to(0, 100);
  a.send_to(1, 1000 - kLinkHeader);
  a.send_to(1, 500 - kLinkHeader);
  CHECK(b.receive() == 1000 - kLinkHeader);
  CHECK(monotonic_now() - start >= 10ms + 5ms + 20ms + 10ms + 5ms);
  CHECK(b.receive() == 500 - kLinkHeader);
  CHECK(monotonic_now() - start >= 10ms + 5ms + 20ms + 10ms + 5ms + 5ms);
  const RelayReport report = relay.stop();
  CHECK(report.forwarded == 2);
  REQUIRE(report.links.size() == 3);
  for (const RelayCounters& link : report.links) {
    CHECK(link.came.packets == 2);
    CHECK(link.passed().bytes == 1500);
  }
}

}  // namespace
}  // namespace strait
