// Receiver: the receiving end of one direction of a TCP connection: what has arrived in order, and
// how many acknowledgements that takes.
//
// Every second segment is acknowledged at once; each segment is, while something is missing, at the
// beginning of a connection, and as long as the receive window opens up (Linux: tcp_grow_window);
// and a single one after 40 ms (the caller's timer). The window opens up by two segments per
// segment, up to a limit that follows what arrives in order in a round trip (Linux:
// tcp_rcv_space_adjust); the sender minds it if TcpOptions::tuned_receive_window says so. Pure.
#pragma once

#include <cstdint>
#include <span>

#include "core/base/units.h"
#include "netsim/tcp/runs.h"

namespace strait {

class Receiver {
 public:
  /// `rtt`: of the handshake.
  Receiver() = default;
  explicit Receiver(Nanos rtt) : rtt_(rtt) {}

  /// All segments before this one have arrived.
  std::int64_t next() const { return next_; }

  /// Segments that the receive window has room for.
  std::int64_t window() const { return opened_; }
  static constexpr std::int64_t kFirstWindow = 45;

  /// A segment waits for its acknowledgement.
  bool owes() const { return owed_ > 0; }
  /// It is being acknowledged.
  void acknowledge() { owed_ = 0; }

  /// How many acknowledgements are sent for some segments, the first of them when the `first`th
  /// (from 0) of the segments arrives.
  struct Answer {
    std::int64_t count = 0;
    std::int64_t first = 0;
  };

  /// Segments arrive, without those at `missing` (places from 0, in order), the first of them now.
  Answer arrived(Run run, std::span<const std::int32_t> missing, Nanos now);

 private:
  static constexpr std::int64_t kQuick = 16;

  void take(Run run);
  void open_up(std::int64_t count, std::int64_t in_order, Nanos now);

  std::int64_t next_ = 0;
  Runs beyond_;  // the first gap
  std::int64_t owed_ = 0;
  std::int64_t quick_ = kQuick;  // so many more segments are acknowledged each

  // The receive window, in segments.
  Nanos rtt_{0};
  Nanos round_start_{0};
  std::int64_t arrived_ = 0;  // in this round
  std::int64_t most_ = 10;    // in an earlier one
  std::int64_t opened_ = kFirstWindow;
  std::int64_t limit_ = 56;
};

}  // namespace strait
