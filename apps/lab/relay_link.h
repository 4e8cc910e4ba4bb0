// RelayLink: the arithmetic of one link of a relay: a rate, a drop-tail queue in bytes, a delay,
// losses, an outage, rates that change. Times of departure follow from those of arrival and not
// from when somebody looked, so a relay that wakes up late does not fall behind.
//
// Integers, no clock, no system call. Thread: the owner's.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "apps/lab/relay_report.h"
#include "core/base/units.h"

namespace strait {

/// What a packet takes on a link beyond its IP bytes: an Ethernet header.
inline constexpr Bytes kLinkHeader = 14;

struct RelayLinkOptions {
  BytesPerSecond rate = kUnlimited;
  Nanos delay{0};
  Bytes queue = 0;  // what waits, and the packet that leaves just now
  /// Asked for each packet that the queue takes; a lost packet has used its time on the link.
  std::function<bool()> loses;
  /// Both since the link's own first packet; the rates are repeated with the period.
  struct Outage {
    Nanos start{0};
    Nanos duration{0};
  };
  std::optional<Outage> outage;
  std::vector<std::pair<Nanos, BytesPerSecond>> rates;
  Nanos period{0};
};

class RelayLink {
 public:
  explicit RelayLink(RelayLinkOptions options) : options_(std::move(options)) {}

  /// When a packet that comes at `now` is at the other end; nothing if it is lost or dropped.
  /// `now` never falls. `size` in bytes, IP header included.
  std::optional<Nanos> offer(Nanos now, Bytes size);

  const RelayCounters& counters() const { return counters_; }

 private:
  bool is_down(Nanos now) const;
  Nanos end_of(Nanos start, Bytes bytes) const;

  struct Waiting {
    Nanos departure{0};
    Bytes bytes = 0;
  };

  RelayLinkOptions options_;
  std::optional<Nanos> first_;  // when the first packet came
  std::deque<Waiting> queue_;
  Bytes queued_ = 0;
  Nanos free_at_{0};
  RelayCounters counters_;
};

}  // namespace strait
