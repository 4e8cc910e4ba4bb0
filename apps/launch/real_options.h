// The options of the commands whose islands are processes, and what holds for their addresses.
//
// Pure, but for looking names up, which blocks. Throw UserError.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/io/socket_address.h"

namespace strait {

struct RealOptions {
  std::optional<HostPort> listen;
  std::optional<HostPort> advertise;
  std::optional<HostPort> coordinator;
  std::optional<IslandId> island;
  std::optional<int> processes;  // -n
  std::optional<int> announce;   // a descriptor that hears where the coordinator listens
  bool insecure = false;
  std::vector<std::string> rest;  // in its order
};

/// Takes the options that `command` has ("--listen", ...) out of its words.
RealOptions take_real_options(const std::string& command, const std::vector<std::string>& words,
                              const std::vector<std::string>& has);

/// Nothing that leaves this machine is encrypted or authenticated yet: addresses that others reach
/// need --insecure.
void check_secure(const SocketAddress& address, const std::string& where, bool insecure);

/// Whether somebody can listen there, so that a mistake is found before anything else is done.
void check_can_listen(const SocketAddress& address, const std::string& where);

/// The address of this machine from which `to` is reached; port 0.
SocketAddress address_towards(const SocketAddress& to);

}  // namespace strait
