// The route of a host to all others of its network, which says which congestion control their
// connections have.
//
// Why a route: in a namespace of its own the sysctl tcp_congestion_control takes only what the
// whole machine allows to everybody, often "reno" and its default.
#pragma once

#include <string>

namespace strait {

/// In the calling thread's namespace, in place of the route that the device's address has made. 0,
/// or the errno: EINVAL or ENOENT if the kernel does not have the congestion control.
int set_route(const char* device, int host, const std::string& congestion_control);

}  // namespace strait
