// SocketStream: a Stream over a TCP socket, on libuv.
//
// The first 24 bytes of a connection say what it is for (Preamble); then come the bytes of the
// stream. What is offered in one instant leaves in one call to the kernel. A data socket keeps no
// more in the kernel than what is under way and `unsent` bytes, so that what is offered later can
// still go over another connection. What arrives is copied once, from the kernel to where the
// receiver wants it.
//
// Thread: the loop's, which outlives the stream.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "core/comm/stream.h"
#include "core/io/socket_address.h"
#include "core/io/socket_options.h"
#include "core/io/uv_loop.h"

namespace strait {

/// What a connection is for: the first bytes that whoever dialled sends.
struct Preamble {
  enum class Purpose : std::uint8_t {
    kPeer = 1,    // a Stream of the Network; `from` and `plane` count
    kReturn = 2,  // the same, dialled by who was asked to, and wanted by the other: `call`
    kJoin = 3,    // rendezvous
    kKnock = 4,   // whether the life `call` of the peer can be dialled here; it is, in 8 bytes
  };
  Purpose purpose = Purpose::kPeer;
  Plane plane = Plane::kData;
  PeerId from{};
  std::uint64_t call = 0;
};

inline constexpr std::size_t kPreambleBytes = 24;
std::array<std::byte, kPreambleBytes> pack(const Preamble& preamble);

class SocketStream final : public Stream {
 public:
  /// Not connected to anything yet; what is offered waits.
  SocketStream(UvLoop& loop, const SocketOptions& options, Plane plane);
  ~SocketStream() override;
  SocketStream(const SocketStream&) = delete;
  SocketStream& operator=(const SocketStream&) = delete;

  /// Dials, and sends `preamble` first.
  void connect(const SocketAddress& to, const Preamble& preamble);

  /// As end_when_silent(), for a stream that dials or was accepted.
  void end_when_other_is_silent();

  /// Ends a stream that is not connected, in an event of its own.
  void fail(Failure failure);

  /// Takes over the connection of `accepted`, which is left without one.
  void adopt(SocketStream& accepted);

  void listen(StreamEvents& events) override;
  void offer(Slice head, Slice body) override;
  Bytes room() const override;
  std::optional<StreamFigures> figures() const override;

  /// Of the other side; before the connection stands, whom we dial.
  const SocketAddress& other_side() const;

 private:
  friend class SocketListener;
  struct Socket;
  std::unique_ptr<Socket, void (*)(Socket*)> socket_;
};

/// Accepts connections and reads their preambles.
class SocketListener {
 public:
  using Accept = std::function<void(const Preamble&, std::unique_ptr<SocketStream>)>;

  /// Binds now: throws UserError, which begins with `where`, if the address cannot be had (in use,
  /// not ours).
  SocketListener(UvLoop& loop, const SocketOptions& options, const SocketAddress& address,
                 const std::string& where, Accept accept);
  ~SocketListener();
  SocketListener(const SocketListener&) = delete;
  SocketListener& operator=(const SocketListener&) = delete;

  /// With the port that the kernel chose, if it was left to it.
  const SocketAddress& address() const;

 private:
  struct State;
  std::unique_ptr<State, void (*)(State*)> state_;
};

}  // namespace strait
