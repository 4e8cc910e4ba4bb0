// HostNamespace: a host of its own inside this machine: a network namespace with nothing in it but
// a TUN device, wan0, and the settings of TCP that a case asks for.
//
// The namespace has no name. It lives as long as this process holds it, so nothing is left behind
// however the process ends, and nothing outside changes: no device, no route, no setting.
// Thread: any; `inside` runs its work on a thread of its own. Takes root and /dev/net/tun.
#pragma once

#include <netinet/in.h>

#include <functional>

#include "apps/validation/kernel/owned_file.h"
#include "netsim/kernel_case.h"

namespace strait {

class HostNamespace {
 public:
  /// UserError if this machine does not let us, with how to mend it.
  HostNamespace(const KernelCase& settings, int host);

  /// Runs `work` inside; sockets that it makes belong to the namespace. Throws what it throws.
  void inside(const std::function<void()>& work) const;

  /// The other end of wan0: read what the host sends, write what it is to receive, one IPv4 packet
  /// at a time; never waits.
  int tun() const { return tun_.get(); }

 private:
  OwnedFile namespace_;
  OwnedFile tun_;
};

/// 10.77.0.1 for host 0, and so on.
in_addr address_of(int host);

/// The host that a packet is for; -1 if it is for none (the kernel also sends IPv6).
int destination_of(const unsigned char* packet, std::size_t size);

}  // namespace strait
