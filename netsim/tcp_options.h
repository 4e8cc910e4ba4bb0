// What the connections of the emulator are like. The defaults are Linux's and the RFCs'.
#pragma once

#include <cstdint>

#include "core/base/units.h"

namespace strait {

enum class CongestionControl : std::uint8_t {
  kCubic,
  kReno,
  kBbr,
  kIdeal  // none: flows share the links max-min fairly and lose no time
};

struct TcpOptions {
  CongestionControl congestion = CongestionControl::kCubic;

  /// Payload of a full segment: MTU 1500 less 52 bytes of IP and TCP with timestamps.
  Bytes mss = 1448;

  /// What each segment adds on a link: those 52 bytes and the Ethernet header (14). Takes link
  /// time.
  Bytes header = 66;

  /// SYN and SYN-ACK, and an acknowledgement, as frames.
  Bytes syn = 74;
  Bytes ack = 66;

  /// Segments in the first round trip (RFC 6928).
  std::int64_t initial_segments = 10;

  /// Payload bytes in flight, at most: the smaller of the two socket buffers, less the kernel's own
  /// use of it. Large by default, since Strait asks the kernel for large buffers.
  Bytes window_cap = 64 << 20;

  /// The receive window opens up from 64 KiB on, as what arrives asks for it (Linux, where nobody
  /// sets the receive buffer); else it is `window_cap` from the beginning, as when somebody does.
  bool tuned_receive_window = false;

  /// Linux's tcp_slow_start_after_idle: a connection that was idle for longer than its
  /// retransmission timeout halves its window per timeout, down to the initial one.
  bool idle_restart = true;

  /// The least retransmission timeout beyond the round trip; it doubles up to `rto_max`.
  Nanos rto_min{200'000'000};
  Nanos rto_max{120'000'000'000};

  /// First repetition of a lost SYN; doubles as well.
  Nanos syn_timeout{1'000'000'000};

  /// A single segment waits so long for its acknowledgement.
  Nanos delayed_ack{40'000'000};
};

}  // namespace strait
