// HostNamespace: a host of its own inside this machine: a network namespace with nothing in it but
// its loopback, a TUN device, wan0, and settings of TCP.
//
// The namespace has no name. It lives as long as somebody is in it or holds it, so nothing is left
// behind when this process and those that it put there have ended, and nothing outside changes: no
// device, no route, no setting.
// Thread: any; `inside` runs its work on a thread of its own. Takes root and /dev/net/tun.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <functional>
#include <string>

#include "core/base/owned_file.h"
#include "core/base/units.h"

namespace strait {

/// What connections of the host get that ask for nothing else.
struct HostSettings {
  /// As the kernel names it; empty: this machine's default.
  std::string congestion_control{};
  /// The window shrinks after a pause.
  bool slow_start_after_idle = true;

  /// Of a socket, with the kernel's own use of it.
  struct Buffer {
    Bytes first = 16 << 10;
    Bytes most = 64 << 20;  // up to which the kernel lets it grow
  };
  Buffer send_buffer{};
  Buffer receive_buffer{.first = 128 << 10};
};

/// Bytes and packets of wan0 as the kernel counts them, without a link header.
struct InterfaceCounters {
  std::int64_t packets_in = 0, packets_out = 0;
  Bytes bytes_in = 0, bytes_out = 0;
  std::int64_t dropped = 0;  // in either direction
};

/// Packets of at most so many bytes.
inline constexpr Bytes kHostMtu = 1500;

class HostNamespace {
 public:
  /// UserError if this machine does not let us, with how to mend it. Host 0, 1, ... of its network,
  /// below kMostHosts.
  HostNamespace(const HostSettings& settings, int host);

  /// Runs `work` inside; sockets that it makes belong to the namespace. Throws what it throws.
  void inside(const std::function<void()>& work) const;

  /// Puts the calling thread inside for good: for a child between fork and exec, so it does nothing
  /// that is not allowed there. Whether it went well, with errno.
  bool enter() const;

  InterfaceCounters counters() const;

  /// The other end of wan0: read what the host sends, write what it is to receive, one IPv4 packet
  /// at a time; never waits.
  int tun() const { return tun_.get(); }

 private:
  OwnedFile namespace_;
  OwnedFile tun_;
};

inline constexpr int kMostHosts = 254;

/// 10.77.0.0/24, in which all hosts of a network are.
inline constexpr int kHostNetBits = 24;
in_addr host_net();

/// 10.77.0.1 for host 0, and so on.
in_addr address_of(int host);
std::string address_text(int host);

/// The host that a packet is for; -1 if it is for none (the kernel also sends IPv6).
int destination_of(const unsigned char* packet, std::size_t size);

}  // namespace strait
