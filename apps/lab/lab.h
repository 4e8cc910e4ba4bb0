// Lab: a scenario's network on this machine, with a real kernel at its ends: a host (a network
// namespace) for each place of the description, and a relay that passes packets over its links in
// real time. Processes that are put there see nothing else.
//
// Places are those of the emulation: an island has one of its own, and the coordinator shares
// island 0's, which it reaches by the loopback. Hosts have no way out of the lab.
//
// Linux, root, /dev/net/tun. When the lab has ended, and the processes in it, nothing of it is
// left. Thread: the owner's; the relay has its own.
#pragma once

#include <string>
#include <vector>

#include "apps/lab/host_namespace.h"
#include "apps/lab/link_relay.h"
#include "core/base/ids.h"
#include "netsim/emulated_network.h"

namespace strait {

struct LabReport {
  std::vector<std::string> links;  // names, in the order of relay.links
  RelayReport relay;
  std::vector<InterfaceCounters> hosts;
};

class Lab {
 public:
  /// Starts. UserError for what a lab does not have (lab_network.h), and where this machine does
  /// not let us, with how to mend it.
  Lab(const NetworkDescription& network, const EmulatedOptions& options);

  /// Where the peer is reached.
  std::string address(PeerId peer) const { return address_text(host_of(peer)); }

  /// Puts the calling thread there for good: for a child between fork and exec, as
  /// HostNamespace::enter.
  bool enter(PeerId peer) const { return hosts_[host_index(peer)].enter(); }

  /// Runs `work` there, on a thread of its own.
  void inside(PeerId peer, const std::function<void()>& work) const {
    hosts_[host_index(peer)].inside(work);
  }

  /// Passes what is still on its way, for two seconds at most, then nothing any more, and says what
  /// it did. Once.
  LabReport stop();

 private:
  Lab(const NetworkDescription& network, RelayNetwork relay, const HostSettings& settings);

  int host_of(PeerId peer) const {
    return place_of_peer_.at(static_cast<std::size_t>(index_of(peer)));
  }
  std::size_t host_index(PeerId peer) const { return static_cast<std::size_t>(host_of(peer)); }

  std::vector<int> place_of_peer_;
  std::vector<std::string> links_;
  std::vector<HostNamespace> hosts_;
  LinkRelay relay_;
};

}  // namespace strait
