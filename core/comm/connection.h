// Connection: one stream between two transports, cut into frames (wire.h).
//
// What arrives is handed on by reference, without waiting for the end of a frame; only the few
// bytes of headers and greetings are kept. A network that hands over no memory reads what is large
// to where its message is put together. A header that cannot be ends the connection before anything
// is allocated for it.
//
// Thread: the loop's. The owner may give a connection up inside any of these up-calls, and must
// keep the object until a later event.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/ids.h"
#include "core/comm/stream.h"
#include "core/comm/wire.h"

namespace strait {

class Connection;

/// What a connection tells its owner.
class ConnectionEvents {
 public:
  virtual ~ConnectionEvents() = default;

  /// The first frame of a stranger: its hello.
  virtual void greeted(Connection& connection, std::span<const std::byte> hello) = 0;

  /// A frame without bytes (is_signal).
  virtual void signalled(Connection& connection, const FrameHeader& header) = 0;

  /// Where a message's bytes are to be put, for a network that does not hand over memory: all
  /// `header.total` bytes of it. Null: nobody wants it.
  virtual std::shared_ptr<std::byte> memory_for(Connection& connection,
                                                const FrameHeader& header) = 0;

  /// The next bytes of a message; they begin at `offset` in it. Empty only if the message is.
  virtual void part_arrived(Connection& connection, const FrameHeader& header, std::uint64_t offset,
                            Slice part) = 0;

  virtual void writable(Connection& connection) = 0;

  /// Closed, refused by the other side, or not to be understood. The last event.
  virtual void lost(Connection& connection, const Failure& failure) = 0;
};

class Connection final : public StreamEvents {
 public:
  enum class State {
    kStranger,  // accepted; only a hello may come
    kOpen,      // dialled, or its hello fits
    kRefused,   // accepted and refused; stays until the other side has read why
    kGone,      // lost or given up: no more events
  };

  /// `peer` and `plane` of a stranger are what the network says, until its hello.
  Connection(ConnectionEvents& events, std::unique_ptr<Stream> stream, PeerId p, Plane use,
             State initial);

  Bytes room() const { return stream_->room(); }
  void offer(Slice head, Slice body) { stream_->offer(std::move(head), std::move(body)); }
  std::optional<StreamFigures> figures() const { return stream_->figures(); }

  PeerId peer;
  Plane plane;
  State state;

 private:
  void arrived(Slice slice) override;
  std::span<std::byte> place() override;
  void writable() override;
  void closed(Failure failure) override;

  Slice read_header(Slice slice);
  void begin_frame(bool lent);
  Slice read_body(Slice slice);
  Slice put_in_place(Slice part);
  void end_frame(FrameKind kind);
  bool may_come(const FrameHeader& header) const;

  ConnectionEvents& events_;
  std::unique_ptr<Stream> stream_;
  std::array<std::byte, kFrameHeaderBytes> header_bytes_{};
  std::size_t header_filled_ = 0;
  std::optional<FrameHeader> header_;  // of the frame whose bytes are arriving
  std::uint64_t body_read_ = 0;
  std::shared_ptr<std::byte> memory_;  // of the frame's message, if the network hands over none
  std::vector<std::byte> greeting_;    // of a hello or a refusal, as far as it has arrived
};

}  // namespace strait
