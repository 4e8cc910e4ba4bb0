// What a path gives, measured: a small message, a train of packets back to back, and many packets
// to count what is lost, through the link model of a run but on links of their own. And what one
// connection makes of the path with the windows and queues of a run.
//
// Pure: links are values, time is virtual. Any thread.
#pragma once

#include <cstdint>
#include <span>

#include "netsim/links.h"

namespace strait {

/// Figures of a path without anybody else on it. Nothing counts but `answers` if that is false.
struct PathMeasurement {
  bool answers = false;      // a dial within a day
  Nanos rtt{0};              // of the handshake, less the time that links need for its bytes
  Nanos delay{0};            // one way, of a message of a byte, likewise
  BytesPerSecond rate{0};    // wire bytes, by what is between the packets of a train
  std::int64_t train = 0;    // packets in it
  std::int64_t packets = 0;  // sent to count
  std::int64_t lost = 0;     // of them
  std::int64_t burst = 1;    // are lost together, on average, on the link with the longest bursts
};

/// Links in order there and back, and what is down. Windows and queues have no part in it. Loss is
/// counted with TCP's links also where `tcp` is ideal, which loses no packets.
struct ProbedPath {
  std::span<const LinkOptions> there;
  std::span<const LinkOptions> back;
  bool up = true;  // all links
};

PathMeasurement measure_path(const ProbedPath& path, const TcpOptions& tcp, std::uint64_t seed);

/// What one connection that always has something to send gets.
struct Goodput {
  static constexpr Bytes kFirstMessage = 1'000'000;

  Nanos first_message = kNever;  // kFirstMessage has arrived, since the dial; kNever: not
  BytesPerSecond rate{0};        // payload, without the first third of the time
  Nanos time{0};                 // that the rate is a mean over
  Bytes bytes = 0;               // payload that arrived in it
};

struct GoodputLimits {
  Nanos time{60'000'000'000};     // virtual
  std::int64_t events = 300'000;  // of the link model; a million takes about a second
};

/// The path is up. Unlimited if nothing limits it: no rate, and no round trip or no window.
Goodput measure_goodput(const ProbedPath& path, const TcpOptions& tcp, std::uint64_t seed,
                        const GoodputLimits& limits);

}  // namespace strait
