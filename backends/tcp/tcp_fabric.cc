#include "backends/tcp/tcp_fabric.h"

namespace strait {

Network& TcpFabric::endpoint(PeerId peer) {
  std::unique_ptr<SocketNetwork>& own = networks_[peer];
  if (own != nullptr) return *own;
  own = std::make_unique<SocketNetwork>(loop_, peer, options_, SocketAddress(), "network.kind");
  for (const auto& [other, network] : networks_) {
    if (other == peer) continue;
    network->know(peer, {own->address()});
    own->know(other, {network->address()});
  }
  return *own;
}

}  // namespace strait
