// Links: when do the bytes of many connections leave and arrive, if they share links?
//
// The physics of the emulator, without clock and I/O: someone tells it what is offered and when,
// asks for the time of the next event, and lets it advance. It promises no future at the offer,
// since later offers change it. Two models: TcpLinks (tcp_links.h), connections as Linux's TCP has
// them, and IdealLinks (ideal_links.h), flows that share the links fairly and at once.
//
// Links are directed; a rate, a one-way delay, a loss, and with TCP a drop-tail queue. All may
// change at any time; a delay counts for bytes that leave from then on, and those of a flow arrive
// in order even if it falls. A connection is two flows.
//
// Integers only, so every host, compiler and optimization level gives the same times.
// Thread: none of its own; calls come in the order of time, and not from inside a LinkSink.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/units.h"
#include "core/comm/stream.h"
#include "netsim/ids.h"
#include "netsim/loss.h"
#include "netsim/tcp_options.h"

namespace strait {

struct LinkOptions {
  BytesPerSecond rate = kUnlimited;
  Nanos delay{0};                // one way
  std::int64_t loss_ppm = 0;     // of packets, parts per million
  std::string name{};            // keys what is random about it
  Bytes queue = Bytes{1} << 40;  // room, what is being sent included
  Nanos jitter{0};               // the delay is so much more or less (jitter.h)
  Bursts bursts{};               // beside `loss_ppm`; ideal links lose as many, one by one

  /// If there: says of each packet that TCP sends over the link, in order, whether it is lost, in
  /// place of `loss_ppm`. To repeat a measurement whose losses are known.
  std::function<bool()> loses{};
};

/// What one link has carried, by cause. With TCP, what came to its queue while it was up counts
/// where it came, whatever became of it: all together = passed + dropped + lost. Of ideal links,
/// offers count when their last byte has left, or arrived, and at every moment payload + header =
/// delivered + lost + in flight.
struct LinkCounters {
  Bytes payload = 0;
  Bytes header = 0;
  Bytes handshake = 0;
  Bytes acks = 0;
  Bytes retransmitted = 0;  // segments that were sent again, headers included
  Bytes delivered = 0;      // of all that, what came out at the other end
  Bytes background = 0;     // all that belongs to others' connections
  Bytes dropped = 0;        // the queue was full
  Bytes lost = 0;           // on the wire; ideal: of connections that were reset

  /// What entered the network here, as the first link of its path: over all links each byte once.
  struct Entered {
    Bytes header = 0;
    Bytes handshake = 0;
    Bytes acks = 0;
    Bytes retransmitted = 0;
  } entered;

  Nanos busy{0};  // something was being sent; a link without limit is never busy

  Bytes everything() const {
    return payload + header + handshake + acks + retransmitted + background;
  }
};

/// What comes out of Links::advance, in the order of time.
class LinkSink {
 public:
  virtual ~LinkSink() = default;

  /// The handshake is over, as this flow's sending end sees it.
  virtual void opened(FlowId flow, Nanos time) = 0;
  /// The last byte of an offer has left the sender; `payload` counts from the flow's beginning.
  virtual void departed(FlowId flow, Bytes payload, Nanos time) = 0;
  /// The last byte of an offer is at the receiver; likewise.
  virtual void arrived(FlowId flow, Bytes payload, Nanos time) = 0;
  /// The flow's receiver hears that the sender has reset the connection.
  virtual void closed(FlowId flow, Nanos time) = 0;
};

enum class Whose : std::uint8_t { kPeers, kOthers };

class Links {
 public:
  struct Connection {
    FlowId forward{};   // from the dialing end
    FlowId backward{};  // to it
  };

  virtual ~Links() = default;

  virtual LinkId add_link(const LinkOptions& options) = 0;

  /// Dials along `forward`; acknowledgements and answers come along `backward`. A path without
  /// links (two peers in one place) takes no time and carries no headers. `key` names the
  /// connection for what is random about it: no other has it. What belongs to others than the
  /// peers is counted as background.
  virtual Connection connect(std::span<const LinkId> forward, std::span<const LinkId> backward,
                             Nanos now, std::uint64_t key = 0, Whose whose = Whose::kPeers) = 0;

  /// `payload` more bytes (at least 1) on `flow`. The dialing end may offer before the handshake is
  /// over; the other end once its flow has opened.
  virtual void offer(FlowId flow, Bytes payload, Nanos now) = 0;

  /// The sender of `flow` resets the connection: what has not left is dropped, and the receiver
  /// hears closed() after what arrives before, which is (as payload) at most the result. The flow
  /// has opened.
  virtual Bytes reset(FlowId flow, Nanos now) = 0;

  /// Forgets both flows of a connection; what is under way is lost. Their ids may be used again.
  virtual void forget(const Connection& connection, Nanos now) = 0;

  /// False before the flow has opened: then there is nothing to reset.
  virtual bool established(FlowId flow) const = 0;

  /// Takes a link down or up. Saying the same twice is an error.
  virtual void set_up(LinkId link, bool up, Nanos now) = 0;
  virtual void set_rate(LinkId link, BytesPerSecond rate, Nanos now) = 0;
  virtual void set_delay(LinkId link, Nanos delay, Nanos now) = 0;
  virtual void set_loss(LinkId link, std::int64_t ppm, Nanos now) = 0;

  /// One end of the connection falls silent, or speaks again: as many ends as that are.
  virtual void set_silent(const Connection& connection, bool silent, Nanos now) = 0;

  /// kNever if nothing will happen without another call.
  virtual Nanos next_event() = 0;

  /// Lets everything happen up to and including `now`.
  virtual void advance(Nanos now, LinkSink& sink) = 0;

  /// What the sending end of `flow` knows by `now`; nothing before it has opened, or where there is
  /// no TCP.
  virtual std::optional<StreamFigures> figures(FlowId flow, Nanos now) const = 0;

  virtual LinkCounters counters(LinkId link) const = 0;
  /// Payload and headers that have left, but neither arrived nor were lost.
  virtual Bytes in_flight(LinkId link) const = 0;
  virtual std::int64_t events() const = 0;
  virtual Nanos now() const = 0;
};

/// "cubic", "reno", "bbr" or "ideal"; nothing else.
CongestionControl congestion_of(std::string_view name);
std::string_view congestion_name(CongestionControl congestion);

/// Everything random follows from `seed` and names.
std::unique_ptr<Links> make_links(const TcpOptions& tcp, std::uint64_t seed);

}  // namespace strait
