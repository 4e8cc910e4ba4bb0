// What a scenario's network becomes in a lab: the one place where the emulator's settings meet the
// relay's and the kernel's.
//
// Pure functions; any thread. Mistakes are UserErrors that name the key.
#pragma once

#include "apps/lab/host_namespace.h"
#include "apps/lab/link_relay.h"
#include "netsim/emulated_network.h"

namespace strait {

/// The links and paths of the description; a host per place. Refuses what a relay does not have:
/// links that change, jitter, others' traffic, islands that come later.
RelayNetwork relay_network(const NetworkDescription& network, const EmulatedOptions& options);

/// What the kernel is told, so that its connections are those of `tcp`. Refuses what no kernel has.
HostSettings host_settings(const TcpOptions& tcp);

}  // namespace strait
