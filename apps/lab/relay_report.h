// What a relay says of itself afterwards: what each of its links did, and how late it was.
//
// Plain values; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/units.h"

namespace strait {

/// Packets, and their bytes on the link: IP's and the link header (kLinkHeader).
struct PacketCount {
  std::int64_t packets = 0;
  Bytes bytes = 0;

  void add(Bytes size) {
    ++packets;
    bytes += size;
  }
};

/// Of one link. What neither was dropped nor lost has passed, or is on its way when the relay ends.
struct RelayCounters {
  PacketCount came;     // but into an outage
  PacketCount dropped;  // the queue was full
  PacketCount lost;     // on the wire

  PacketCount passed() const {
    return {came.packets - dropped.packets - lost.packets, came.bytes - dropped.bytes - lost.bytes};
  }
};

/// A late relay is another network than the one asked for.
struct RelayReport {
  std::vector<RelayCounters> links;
  std::int64_t forwarded = 0;
  std::int64_t late = 0;  // over 1 ms
  Nanos late_sum{0};
  Nanos late_max{0};

  /// A packet was forwarded this long after its time.
  void add(Nanos after);
  Nanos late_mean() const;
  double late_share() const;
};

/// More than one packet in a hundred.
bool is_late(double share);

}  // namespace strait
