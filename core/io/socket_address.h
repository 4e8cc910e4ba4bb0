// SocketAddress: an IPv4 or IPv6 address with a port, as sockets take it, and as people write it:
// "host:port", "10.0.0.1:7000", "[fe80::1]:7000".
//
// Values; any thread. Looking a name up blocks: before a run, never on the loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>

namespace strait {

/// Not looked up yet.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;  // 0: any
};

/// Throws UserError, which begins with `where` (a key or an option).
HostPort parse_host_port(std::string_view text, const std::string& where);
std::string to_string(const HostPort& place);

class SocketAddress {
 public:
  /// Port 0 of 127.0.0.1.
  SocketAddress();
  /// An IPv4 address that a socket for both families shows as ::ffff:10.0.0.1 is 10.0.0.1.
  explicit SocketAddress(const sockaddr_storage& raw);

  /// The first address of a name or number. Throws UserError as above if there is none.
  static SocketAddress resolve(const HostPort& place, const std::string& where);
  /// All of them; one at least.
  static std::vector<SocketAddress> resolve_all(const HostPort& place, const std::string& where);
  /// Looks nothing up: nothing if the host is not in numbers.
  static std::optional<SocketAddress> of_numbers(const HostPort& place);

  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&raw_); }
  int family() const { return raw_.ss_family; }
  std::uint16_t port() const;
  void set_port(std::uint16_t port);
  bool is_loopback() const;
  bool is_any() const;       // 0.0.0.0 or ::
  std::string host() const;  // in numbers
  std::string text() const;  // with the port

  friend bool operator==(const SocketAddress& a, const SocketAddress& b) {
    return a.text() == b.text();
  }

 private:
  sockaddr_storage raw_{};
};

}  // namespace strait
