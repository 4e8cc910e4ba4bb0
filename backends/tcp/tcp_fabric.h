// All peers of one process over real sockets of the loopback device: the network that separate
// processes have (site.h), where nothing but the sockets is different from the pipe.
//
// Thread: the loop's, which outlives the fabric.
#pragma once

#include <map>
#include <memory>

#include "backends/fabric.h"
#include "core/io/socket_network.h"

namespace strait {

class TcpFabric final : public Fabric {
 public:
  TcpFabric(UvLoop& loop, const SocketOptions& options) : loop_(loop), options_(options) {}

  /// Peers may be asked for at any time before they are dialled; each has a port of its own.
  Network& endpoint(PeerId peer) override;

 private:
  UvLoop& loop_;
  const SocketOptions options_;
  std::map<PeerId, std::unique_ptr<SocketNetwork>> networks_;
};

}  // namespace strait
