// Fabric: the network that joins the islands of one process, whichever it is. make_fabric is the
// table from a name to its builder; each row has a folder of its own.
//
// Thread: the loop's.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/base/loop.h"
#include "core/base/trace.h"
#include "core/comm/stream.h"
#include "core/io/socket_options.h"
#include "netsim/description.h"
#include "netsim/emulated_network.h"

namespace strait {

class Fabric {
 public:
  virtual ~Fabric() = default;

  /// One peer's view; lives as long as the fabric.
  virtual Network& endpoint(PeerId peer) = 0;

  /// What each physical link carried, as the model counted it; empty where there is none.
  virtual std::vector<LinkRow> link_table() const { return {}; }

  /// When the peer stands still.
  virtual PauseSchedule pauses(PeerId) const { return {}; }
};

struct FabricOptions {
  int islands = 1;
  NetworkDescription description;  // for `emulated`
  EmulatedOptions emulated;
  SocketOptions sockets;  // for `tcp`
};

/// Throws UserError for an unknown name, naming the known ones.
std::unique_ptr<Fabric> make_fabric(std::string_view name, Loop& loop, Trace& trace,
                                    const FabricOptions& options);
std::vector<std::string_view> fabric_names();

}  // namespace strait
