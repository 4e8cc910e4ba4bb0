// Ports of loopback that nobody has: for tests that name a port before anybody listens there.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <ranges>
#include <stdexcept>

namespace strait {

inline bool is_free_port(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool free = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return free;
}

/// The first of `count` ports in a row; others at the next call. All are below those that the
/// kernel gives to whoever dials or listens on any port (from 32768), since the tests beside this
/// one do. Tests at the same time begin at different ports, by the number of their process.
inline std::uint16_t free_ports(int count = 1) {
  constexpr int kFirst = 12000, kLast = 32000, kOfProcess = 20;
  static int next = kFirst + static_cast<int>(::getpid()) % 1000 * kOfProcess;
  for (int tried = 0; tried < kLast - kFirst; ++tried) {
    if (next + count > kLast) next = kFirst;
    const int first = next;
    const auto ports = std::views::iota(first, first + count);
    next += count;
    if (std::ranges::all_of(ports, is_free_port)) return static_cast<std::uint16_t>(first);
  }
  throw std::runtime_error("no free ports");
}

}  // namespace strait
