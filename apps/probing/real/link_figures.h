// What a measurement of a real link says of it in the emulator's terms: a link each way, and how
// sure that is. Pure; any thread.
#pragma once

#include <string>

#include "apps/probing/real/link_measurement.h"
#include "netsim/description.h"

namespace strait {

/// A share that was counted, and between which two it lies in 19 cases of 20 (Wilson's interval).
struct CountedShare {
  double share = 0, least = 0, most = 0;
};
CountedShare counted_share(std::int64_t count, std::int64_t of);

struct IdleRoundTrips {
  Nanos least{0}, p10{0}, median{0}, p90{0};
};
IdleRoundTrips idle_round_trips(const LinkMeasurement& measured);

struct WayFigures {
  /// Rate as the emulator counts it, headers of 66 bytes for 1448 of payload included; half of the
  /// round trip; what was lost while no queue grew. `queue` is 0 where none was filled.
  LinkSpec link;
  CountedShare loss;
};

struct LinkFigures {
  IdleRoundTrips idle;
  WayFigures there, back;
};

LinkFigures link_figures(const LinkMeasurement& measured);

/// Whether a load lost more than the link loses by itself: then it has filled a queue.
bool fills_a_queue(const LoadResult& load, const LoadResult& paced);

}  // namespace strait
