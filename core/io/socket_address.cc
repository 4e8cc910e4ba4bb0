#include "core/io/socket_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

#include <charconv>
#include <cstring>
#include <memory>

#include "core/base/errors.h"

namespace strait {

namespace {

const sockaddr_in& v4(const sockaddr_storage& raw) {
  return reinterpret_cast<const sockaddr_in&>(raw);
}
const sockaddr_in6& v6(const sockaddr_storage& raw) {
  return reinterpret_cast<const sockaddr_in6&>(raw);
}

/// Empty, and why in `status`, if there are none.
std::vector<SocketAddress> look_up(const HostPort& place, int flags, int& status) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* found = nullptr;
  status = ::getaddrinfo(place.host.c_str(), nullptr, &hints, &found);
  if (status != 0) return {};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
  std::vector<SocketAddress> all;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    sockaddr_storage raw{};
    std::memcpy(&raw, one->ai_addr, one->ai_addrlen);
    SocketAddress& address = all.emplace_back(raw);
    address.set_port(place.port);
  }
  return all;
}

}  // namespace

HostPort parse_host_port(std::string_view text, const std::string& where) {
  const std::size_t colon = text.rfind(':');
  const auto bad = [&](std::string_view what) {
    return UserError(
        fmt::format("{}: '{}' {}; write HOST:PORT, e.g. 10.0.0.1:7000", where, text, what));
  };
  if (colon == std::string_view::npos) throw bad("has no port");
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.size() > 1 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    throw bad("is an IPv6 address without brackets");
  }
  if (host.empty()) throw bad("has no host");
  HostPort place{.host = std::string(host)};
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), place.port);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    throw bad("has no port between 0 and 65535");
  }
  return place;
}

std::string to_string(const HostPort& place) {
  const bool brackets = place.host.find(':') != std::string::npos;
  return brackets ? fmt::format("[{}]:{}", place.host, place.port)
                  : fmt::format("{}:{}", place.host, place.port);
}

SocketAddress::SocketAddress() {
  auto& address = reinterpret_cast<sockaddr_in&>(raw_);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

SocketAddress::SocketAddress(const sockaddr_storage& raw) : raw_(raw) {
  if (family() != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&v6(raw).sin6_addr)) return;
  raw_ = {};
  auto& address = reinterpret_cast<sockaddr_in&>(raw_);
  address.sin_family = AF_INET;
  address.sin_port = v6(raw).sin6_port;
  std::memcpy(&address.sin_addr, &v6(raw).sin6_addr.s6_addr[12], sizeof address.sin_addr);
}

std::vector<SocketAddress> SocketAddress::resolve_all(const HostPort& place,
                                                      const std::string& where) {
  int status = 0;
  std::vector<SocketAddress> all = look_up(place, 0, status);
  if (all.empty()) {
    throw UserError(
        fmt::format("{}: host '{}' is unknown ({}); write a name that this machine "
                    "knows, or an address",
                    where, place.host, ::gai_strerror(status)));
  }
  return all;
}

SocketAddress SocketAddress::resolve(const HostPort& place, const std::string& where) {
  return resolve_all(place, where).front();
}

std::optional<SocketAddress> SocketAddress::of_numbers(const HostPort& place) {
  int status = 0;
  const std::vector<SocketAddress> found = look_up(place, AI_NUMERICHOST, status);
  return found.empty() ? std::nullopt : std::optional(found.front());
}

std::uint16_t SocketAddress::port() const {
  return ntohs(family() == AF_INET6 ? v6(raw_).sin6_port : v4(raw_).sin_port);
}

void SocketAddress::set_port(std::uint16_t port) {
  if (family() == AF_INET6) {
    reinterpret_cast<sockaddr_in6&>(raw_).sin6_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in&>(raw_).sin_port = htons(port);
  }
}

bool SocketAddress::is_loopback() const {
  if (family() == AF_INET6) return IN6_IS_ADDR_LOOPBACK(&v6(raw_).sin6_addr);
  return (ntohl(v4(raw_).sin_addr.s_addr) >> 24) == 127;
}

bool SocketAddress::is_any() const {
  if (family() == AF_INET6) return IN6_IS_ADDR_UNSPECIFIED(&v6(raw_).sin6_addr);
  return v4(raw_).sin_addr.s_addr == htonl(INADDR_ANY);
}

std::string SocketAddress::host() const {
  char text[INET6_ADDRSTRLEN] = "?";
  const void* address = family() == AF_INET6 ? static_cast<const void*>(&v6(raw_).sin6_addr)
                                             : static_cast<const void*>(&v4(raw_).sin_addr);
  ::inet_ntop(family(), address, text, sizeof text);
  return text;
}

std::string SocketAddress::text() const { return to_string(HostPort{host(), port()}); }

}  // namespace strait
