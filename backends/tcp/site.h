// Site: the network of a process that is one peer of a run, an island or the coordinator: sockets
// to the others, and the rendezvous that tells where they are.
//
// Thread: the loop's, which outlives the site.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "backends/fabric.h"
#include "backends/tcp/rendezvous.h"
#include "core/io/socket_network.h"

namespace strait {

struct SiteOptions {
  PeerId self{};
  SocketOptions sockets;
  SocketAddress listen;                   // port 0: any
  std::string listen_key = "--listen";    // names it in a UserError
  std::optional<JoinLine::Options> line;  // of an island
  std::optional<JoinDesk::Options> desk;  // of the coordinator
};

class Site final : public Fabric {
 public:
  Site(UvLoop& loop, const SiteOptions& options);

  /// Only our own.
  Network& endpoint(PeerId peer) override;

  const SocketAddress& address() const { return network_.address(); }

 private:
  const PeerId self_;
  SocketNetwork network_;
  std::optional<JoinLine> line_;
  std::optional<JoinDesk> desk_;
};

}  // namespace strait
