// The flows of a case as TCP connections of this kernel, between the namespaces of its hosts.
//
// Two threads a flow, before the rest of the machine if that is allowed; all on one clock.
#pragma once

#include <vector>

#include "apps/lab/host_namespace.h"
#include "apps/validation/measurement.h"

namespace strait {

/// Connects all, does what comes before (KernelCase::idle_before), then the transfers. A relay has
/// to run meanwhile. Throws if a connection fails or nothing moves for five minutes; leaves no
/// connection behind, which would hold its namespace.
TransferReport run_transfers(const KernelCase& c, const std::vector<HostNamespace>& hosts);

/// A TCP socket of the calling thread's namespace; UserError if the kernel does not have the
/// congestion control.
OwnedFile tcp_socket(const std::string& congestion_control);

}  // namespace strait
