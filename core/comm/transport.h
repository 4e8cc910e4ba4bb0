// Transport: messages between islands, over any Network. One implementation, so that what is
// simulated is what ships.
//
//   * In order per (peer, tag); tags do not block each other: frames of different messages take
//   turns.
//   * Every operation completes exactly once, also when the peer is gone or the transport is
//   closed,
//     and never inside the call that started it.
//   * The transport holds a message's memory until the send completes: when the memory is free, not
//     when the message has arrived. In-process networks pass the memory itself to the receiver.
//   * Small messages go at once; those above eager_limit once the receiver has asked for them.
//   * Control tags have a connection of their own, so that a large transfer does not delay them.
//
// Connections: the peer with the higher number dials the lower one (islands dial the coordinator,
// so an island behind NAT can take part). The dialler's hello carries the protocol version, the run
// and the settings; a mismatch is refused and names the differing key.
//
// In this version a connection that closes takes its peer down for the rest of the run.
//
// Thread: the loop's. All bytes are counted in the ledger as they are offered to a stream.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/async.h"
#include "core/base/trace.h"
#include "core/comm/ledger.h"
#include "core/comm/stream.h"
#include "core/comm/wire.h"

namespace strait {

/// A setting in which two peers must agree, told by name when they do not.
struct HelloSetting {
  std::string key;    // "model", "strategy", "codec", "data"
  std::string value;  // its hash or its text
};

struct TransportOptions {
  PeerId self{};
  std::uint64_t run_id = 0;
  std::vector<HelloSetting> settings;
  /// Messages are cut into frames of at most this, so that another message can take its turn.
  Bytes frame_bytes = 256 * 1024;
  /// Longer messages wait until the receiver has asked for them, so that nobody has to store them.
  Bytes eager_limit = 1024 * 1024;
  /// Connections for data per peer; each frame goes to the one with most room.
  int data_connections = 1;
};

/// receive() takes a message of any length: for control messages, which wait for no credit.
inline constexpr Bytes kAnyLength = -1;

class Transport {
 public:
  Transport(Loop& loop, Network& network, Ledger& ledger, Trace& trace, TransportOptions options);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  PeerId self() const { return options_.self; }
  Loop& loop() { return loop_; }

  /// Names the peers of this run and dials those with lower numbers. Operations may start at once.
  void connect(const std::vector<PeerId>& peers);

  struct Outgoing {
    PeerId to{};
    Tag tag = 0;
    Cause cause = Cause::kControl;
    std::int64_t round = 0;  // for the ledger
  };
  Pending<Outcome<Done>> send(const Outgoing& outgoing, Slice message);

  /// The next message of (from, tag). Another length than `length` is an error that names both.
  Pending<Outcome<Slice>> receive(PeerId from, Tag tag, Bytes length);

  /// Resets all connections; everything that is pending fails with kClosed.
  void close();

 private:
  struct SendState;
  struct OutMessage;
  struct Incoming;
  struct PostedReceive;
  struct Inbox;
  struct Peer;
  class Connection;

  void accepted(PeerId from, std::unique_ptr<Stream> stream);
  void open(Peer& peer, Plane plane);
  void send_hello(Connection& connection);
  void greeted(Connection& connection, std::span<const std::byte> hello);
  std::string why_refused(PeerId from, Reader& hello) const;

  void frame_begins(Connection& connection, const FrameHeader& header);
  void part_arrived(Connection& connection, const FrameHeader& header, std::uint64_t at,
                    Slice part);
  void deliver(Peer& peer, Tag tag);
  bool needs_credit(Tag tag, Bytes length) const;
  void pump(Peer& peer, Plane plane);
  bool send_frame(Peer& peer, Connection& connection, OutMessage& message);
  void send_small(Connection& connection, const FrameHeader& header,
                  std::vector<std::byte> body = {});
  void credit(Peer& peer, Tag tag, Bytes length);
  void peer_down(Peer& peer, const Failure& failure);
  void bury(std::unique_ptr<Connection> connection);
  Peer& peer(PeerId id);

  Loop& loop_;
  Network& network_;
  Ledger& ledger_;
  Trace& trace_;
  TransportOptions options_;
  std::map<PeerId, std::unique_ptr<Peer>> peers_;
  std::vector<std::unique_ptr<Connection>> strangers_;  // accepted, hello not yet read
  std::vector<std::unique_ptr<Connection>> graves_;     // closed; freed by a later event
  std::shared_ptr<Transport*> alive_;  // events of ours that come too late see null
};

/// A message in memory of its own.
Slice make_message(std::vector<std::byte> bytes);

}  // namespace strait
