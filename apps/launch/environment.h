// Launchers: torchrun, mpirun, srun and others start the same command many times and tell each
// process its place by variables of the environment. This finds out which one did, and what the
// place is in a run of Strait. One process is one island, whatever the machines: ranks inside an
// island do not exist yet.
//
// Pure; any thread. Mistakes are UserErrors that name the variable.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "core/base/ids.h"
#include "core/io/socket_address.h"

namespace strait {

using Environment = std::map<std::string, std::string>;

/// Of "NAME=VALUE" strings that a null pointer ends, such as `environ`.
Environment environment_from(const char* const* entries);

/// Which part of a job this process is.
struct LaunchPlace {
  std::string source;  // the launcher, and the variables that said all this
  IslandId island = 0;
  int islands = 0;  // 0: unknown, the scenario's run.islands says it
  /// Where the coordinator is to be found. It lives in the process of island 0.
  HostPort coordinator;
  /// The whole job is on this machine: listening on loopback will do. Otherwise listen on every
  /// address: a machine may know its own name as 127.0.1.1, where nobody else reaches it.
  bool one_machine = false;
  /// How the others reach this machine; empty: by the address that the coordinator sees. An island
  /// beside the coordinator is seen there by an address that may lead nowhere for the others.
  std::string advertise_host;

  bool hosts_coordinator() const { return island == 0; }
};

/// None if no launcher started this process, or one that started nothing else: a job of one process
/// is an ordinary run. The innermost launcher wins, since it knows this process: torchrun (and who
/// sets the same variables), mpirun of Open MPI, of MPICH or Intel MPI, srun, SkyPilot, JobSet.
/// `coordinator` (an option) takes the place of what the environment says.
std::optional<LaunchPlace> find_launch_place(
    const Environment& variables, const std::optional<HostPort>& coordinator = std::nullopt);

/// "island 1 of 4 by torchrun (RANK=1, ...); coordinator at 10.0.0.5:29501".
std::string describe(const LaunchPlace& place);

}  // namespace strait
