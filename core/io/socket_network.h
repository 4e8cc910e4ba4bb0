// SocketNetwork: one peer's view of a network of TCP sockets.
//
// It has one listening port for all who dial, and a book of addresses: a dial to a peer whose
// address is not known yet waits until it is. Peers behind a firewall or NAT dial, but cannot be
// dialled: whoever wants a connection to one asks for it, through call_me(), and the peer dials
// back. Whoever uses the network sees no difference.
//
// Thread: the loop's, which outlives the network. Streams end with the network, or before.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "core/io/socket_stream.h"

namespace strait {

/// Where a peer is reached.
struct PeerAddress {
  SocketAddress address;
  bool takes_calls = true;  // false: it can only dial
};

class SocketNetwork final : public Network {
 public:
  /// `listen` is bound now, `where` names it in a UserError; port 0 takes a free one. Dials are
  /// refused before listen(accept).
  SocketNetwork(UvLoop& loop, PeerId self, const SocketOptions& options,
                const SocketAddress& listen, const std::string& where);
  ~SocketNetwork() override;
  SocketNetwork(const SocketNetwork&) = delete;
  SocketNetwork& operator=(const SocketNetwork&) = delete;

  void listen(Accept accept) override;
  std::unique_ptr<Stream> dial(PeerId to, Plane plane) override;
  bool copies() const override { return true; }

  /// Where others reach us, if nothing stands between.
  const SocketAddress& address() const { return address_; }

  /// From now on this is where the peer is; who waits for it is connected.
  void know(PeerId peer, const PeerAddress& where);
  /// Dials to it wait again.
  void forget(PeerId peer) { book_.erase(peer); }

  /// Asks the peer, by whatever way there is, to return_call(us, call).
  using CallMe = std::function<void(PeerId peer, std::uint64_t call)>;
  void call_me(CallMe ask) { call_me_ = std::move(ask); }

  /// The peer has asked us to dial it, for its call.
  void return_call(PeerId peer, std::uint64_t call);

  /// Connections for rendezvous go to `accept`; with it, the port is open from now on. Null: no
  /// more.
  using AcceptJoin = std::function<void(std::unique_ptr<SocketStream>)>;
  void serve_joins(AcceptJoin accept);

  /// Who knocks to find out whether this life can be dialled hears that it can; the port is open
  /// from now on.
  void answer_knocks(std::uint64_t incarnation);

 private:
  class Dialled;

  void open_port();
  void close_unused_port();
  void accepted(const Preamble& preamble, std::unique_ptr<SocketStream> stream);
  void answer_knock(std::unique_ptr<SocketStream> stream);
  void start(Dialled& dial);

  UvLoop& loop_;
  const PeerId self_;
  const SocketOptions options_;
  SocketAddress address_;
  const std::string where_;
  std::unique_ptr<SocketListener> listener_;
  Accept accept_;
  AcceptJoin accept_join_;
  std::optional<std::uint64_t> incarnation_;  // that knocks are answered for
  CallMe call_me_;
  std::map<PeerId, PeerAddress> book_;
  std::vector<Dialled*> waiting_;            // for an address
  std::map<std::uint64_t, Dialled*> asked_;  // for a call, by its number
  std::uint64_t calls_ = 0;
  std::shared_ptr<SocketNetwork*> alive_;
};

}  // namespace strait
