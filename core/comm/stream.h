// Stream and Network: the seam between real and emulated.
//
// A Stream is one connection of ordered bytes between two peers. Rows: the in-process pipe
// (backends/loopback), emulated TCP (netsim), sockets (core/io, later). Everything above this file
// is the same code in every mode.
//
// Thread: the loop's. No call makes an up-call inside itself; they come from events of their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "core/base/ids.h"
#include "core/base/outcome.h"
#include "core/base/units.h"

namespace strait {

/// Memory that travels by reference. Whoever keeps `hold` may read `bytes`; the memory is free
/// again when the last copy of `hold` is gone, which is how a sender learns that its buffer may be
/// reused. A socket lets go once the kernel has the bytes; in-process streams carry the slice
/// itself to the receiver, so nothing is copied. What `hold` does at its end may post to the loop,
/// but calls no stream, transport or collective.
struct Slice {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> hold;

  Bytes size() const { return static_cast<Bytes>(bytes.size()); }
  Slice part(std::size_t offset, std::size_t count) const {
    return {bytes.subspan(offset, count), hold};
  }
};

/// Up-calls of one stream. The object must outlive the stream.
class StreamEvents {
 public:
  virtual ~StreamEvents() = default;

  /// The next bytes of the peer, in order. May be cut differently than they were offered; an
  /// in-process stream joins nothing and hands each offered slice over whole. A slice without a
  /// hold lies in the stream's own memory, or where place() said: it counts during this call.
  virtual void arrived(Slice slice) = 0;

  /// Where the next bytes should be put, for a stream that has to copy them anyway; it may use the
  /// beginning of it, or memory of its own. Empty: nobody cares.
  virtual std::span<std::byte> place() { return {}; }

  /// room() was 0 or less and is positive again.
  virtual void writable() = 0;

  /// The connection is gone (refused, reset by the peer, closed). The last up-call; nothing is
  /// known about bytes that did not arrive.
  virtual void closed(Failure failure) = 0;
};

/// What a connection's own sending side knows, counted since it began: read from the kernel, or
/// from the model.
struct StreamFigures {
  Bytes acked = 0;            // payload that has reached the other machine, in order or not
  Bytes sent = 0;             // payload that has left, what was sent again included
  Bytes sent_again = 0;       // of it
  std::int64_t segments = 0;  // that carried them
  std::int64_t lost = 0;      // segments that were sent again
  Nanos rtt{0};               // smoothed; 0: not measured yet
  Nanos least_rtt{0};         // of the last minutes
  Nanos busy{0};              // something waited to be sent or acknowledged
  Nanos held_up{0};           // of that, by the receiver's window or our own buffer

  /// Those of another connection to the same peer: sums, and the shorter round trips.
  void add(const StreamFigures& other) {
    const auto shorter = [](Nanos a, Nanos b) {
      return a == Nanos{0} || (b > Nanos{0} && b < a) ? b : a;
    };
    acked += other.acked;
    sent += other.sent;
    sent_again += other.sent_again;
    segments += other.segments;
    lost += other.lost;
    rtt = shorter(rtt, other.rtt);
    least_rtt = shorter(least_rtt, other.least_rtt);
    busy += other.busy;
    held_up += other.held_up;
  }
};

class Stream {
 public:
  /// Destroying a stream resets it: the peer hears closed(), we hear nothing more.
  virtual ~Stream() = default;

  /// Who hears the up-calls; set once, before the loop runs its next event.
  virtual void listen(StreamEvents& events) = 0;

  /// Sends `head`, then `body` (may be empty), after all earlier bytes; as one, so that a frame
  /// costs the network one event and a socket one call. Taken as a whole even beyond room(): room
  /// is advice, so that a frame is never cut by back-pressure. May be called before the handshake
  /// is over.
  virtual void offer(Slice head, Slice body) = 0;

  /// Bytes that the connection would like to take now. At 0 or below, wait for writable().
  virtual Bytes room() const = 0;

  /// Nothing where there is nothing to know: in-process, or not connected.
  virtual std::optional<StreamFigures> figures() const { return std::nullopt; }
};

/// What a connection is for: control has its own, so that a large transfer does not delay it.
enum class Plane : std::uint8_t { kControl = 0, kData = 1 };

/// One peer's view of the network: it listens and dials.
class Network {
 public:
  using Accept = std::function<void(PeerId from, std::unique_ptr<Stream>)>;

  virtual ~Network() = default;

  /// Connections that others dial to us come through `accept`. Until this is called, dials to this
  /// peer are refused, and again after it was called with null. `from` is what the network knows
  /// (an address); the hello proves it.
  virtual void listen(Accept accept) = 0;

  /// Starts a connection. The stream may be offered bytes at once; a refusal comes as closed().
  virtual std::unique_ptr<Stream> dial(PeerId to, Plane plane) = 0;

  /// Whether streams let go of what is offered as soon as it has left, since they copy it
  /// (sockets), or only when the receiver does.
  virtual bool copies() const { return false; }
};

}  // namespace strait
