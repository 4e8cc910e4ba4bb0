// What a real link gives, measured with TCP from one end of it, against a strait net serve at the
// other: idle round trips, what CUBIC and BBR carry each way, and what is lost at half of that.
//
// Blocks for as long as it measures, a thread per connection. UserError if the other end cannot be
// reached or is none; std::runtime_error if the network fails on the way.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/probing/real/probe_protocol.h"
#include "core/io/socket_address.h"

namespace strait {

enum class WayOfLink { kThere, kBack };  // towards the server, from it

/// Connections that send at once.
struct Load {
  ProbeCongestion congestion = ProbeCongestion::kCubic;
  int connections = 1;
  BytesPerSecond pacing{0};  // of each, payload; 0: none
};

/// What a load got, all its connections together.
struct LoadResult {
  Load load;
  BytesPerSecond goodput{0};  // payload that arrived per second, in the last two thirds
  std::int64_t segments = 0;  // all the time
  std::int64_t lost = 0;      // of them: sent again, but for those that had arrived after all
  Nanos high_rtt{0};          // smoothed; 49 of 50 are no longer
  double held_up = 0;         // part of the time in which a window or buffer of a host was full
};

/// All loads of one direction.
struct WayMeasurement {
  std::vector<LoadResult> cubic;   // 1, 2, 4, ... connections, until that gains less than 5 % twice
  bool still_growing = false;      // with the most connections that are tried
  std::optional<LoadResult> bbr;   // if the sender's kernel has it
  LoadResult paced;                // at half of the best, so that no queue grows
  const LoadResult& best() const;  // the largest goodput
};

struct LinkMeasurement {
  std::string other_end;           // host:port
  Nanos time{0};                   // of each load
  std::vector<Nanos> round_trips;  // idle, in the order of time
  WayMeasurement there, back;
};

struct LinkProbeOptions {
  Nanos time{5'000'000'000};  // of each load, at least a second
  /// Hears what is measured now.
  std::function<void(const std::string&)> progress = [](const std::string&) {};
};

LinkMeasurement measure_real_link(const SocketAddress& server, const LinkProbeOptions& options);

/// "CUBIC, 4 connections", "CUBIC, 2 connections paced".
std::string load_text(const Load& load);

}  // namespace strait
