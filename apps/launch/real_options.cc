#include "apps/launch/real_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "core/base/errors.h"
#include "core/base/owned_file.h"
#include "core/base/text.h"

namespace strait {

namespace {

int parse_count(const std::string& option, const std::string& text, int least, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    throw UserError(
        fmt::format("{}: '{}' is not a number from {} to {}", option, text, least, most));
  }
  return value;
}

socklen_t length_of(const SocketAddress&) { return sizeof(sockaddr_storage); }

}  // namespace

RealOptions take_real_options(const std::string& command, const std::vector<std::string>& words,
                              const std::vector<std::string>& has) {
  RealOptions options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    const std::string name = words[i].substr(0, equals);
    if (std::find(has.begin(), has.end(), name) == has.end()) {
      options.rest.push_back(words[i]);
      continue;
    }
    if (name == "--insecure") {
      options.insecure = true;
      continue;
    }
    if (equals == std::string::npos && i + 1 == words.size()) {
      throw UserError(
          fmt::format("{} has no value; strait {} --help shows what it takes", name, command));
    }
    const std::string value =
        equals == std::string::npos ? words[++i] : words[i].substr(equals + 1);
    if (name == "--listen") options.listen = parse_host_port(value, name);
    if (name == "--advertise") options.advertise = parse_host_port(value, name);
    if (name == "--coordinator") options.coordinator = parse_host_port(value, name);
    if (name == "--island") options.island = parse_count(name, value, 0, 65534);
    if (name == "-n") options.processes = parse_count(name, value, 1, 4096);
    if (name == "--announce-fd") options.announce = parse_count(name, value, 0, 1 << 20);
  }
  return options;
}

void check_secure(const SocketAddress& address, const std::string& where, bool insecure) {
  if (insecure || address.is_loopback()) return;
  throw UserError(fmt::format(
      "{}: {} is reached from other machines, and nothing is encrypted or authenticated yet; add "
      "--insecure if you trust everybody on that network",
      where, address.text()));
}

void check_can_listen(const SocketAddress& address, const std::string& where) {
  const OwnedFile socket(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(socket.get(), address.raw(), length_of(address)) == 0 &&
      ::listen(socket.get(), 1) == 0) {
    return;
  }
  const std::string_view fix = errno == EADDRINUSE ? "; choose another port, or end who has it"
                               : errno == EADDRNOTAVAIL
                                   ? "; write an address of this machine, or 0.0.0.0 for all"
                                   : "";
  throw UserError(fmt::format("{}: cannot listen on {}: {}{}", where, address.text(),
                              std::strerror(errno), fix));
}

SocketAddress address_towards(const SocketAddress& to) {
  const OwnedFile socket(::socket(to.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  SocketAddress there = to;
  if (there.port() == 0) there.set_port(1);
  sockaddr_storage raw{};
  socklen_t length = sizeof raw;
  if (::connect(socket.get(), there.raw(), length_of(there)) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&raw), &length) != 0) {
    throw UserError(fmt::format("no way to {}: {}; check the address and this machine's network",
                                to.text(), std::strerror(errno)));
  }
  SocketAddress here(raw);
  here.set_port(0);
  return here;
}

}  // namespace strait
