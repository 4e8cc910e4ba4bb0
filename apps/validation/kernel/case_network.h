// A KernelCase as what a relay and its hosts are told.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>

#include "apps/lab/host_namespace.h"
#include "apps/lab/link_relay.h"
#include "netsim/kernel_case.h"

namespace strait {

RelayLinkOptions uplink_of(const KernelCase& c, std::uint64_t seed, int host);
RelayLinkOptions downlink_of(const KernelCase& c);

/// Where a star has the links of a host.
constexpr std::size_t uplink(int host) { return 2 * static_cast<std::size_t>(host); }
constexpr std::size_t downlink(int host) { return uplink(host) + 1; }
RelayNetwork network_of(const KernelCase& c, std::uint64_t seed);

HostSettings host_settings_of(const KernelCase& c);

}  // namespace strait
