// The islands of a scenario's network that come and go, as an arm of the experiment meets them.
// Pure functions of the description; thread: any.
#pragma once

#include <optional>

#include "backends/fabric.h"
#include "core/comm/collective.h"

namespace strait {

/// The network for the first `islands` of its islands: nothing is heard of the others.
FabricOptions shrunk(FabricOptions fabric, int islands);

/// The network with all islands there from the start, and nothing happening to them. Pretraining
/// and pricing are done in it.
FabricOptions quiet_islands(FabricOptions fabric);

/// The network in which nothing ever happens: no events, traces and outages, all islands there.
FabricOptions calm(FabricOptions fabric);

/// Whether islands are killed, leave or come later.
bool come_and_go(const FabricOptions& fabric);

/// The last event (they are in the order of time) of the lowest island that is killed, leaves or
/// falls silent and never comes back; none if all do.
std::optional<NetworkEvent> gone_for_good(const FabricOptions& fabric);

/// Who is there from the start, of `islands` islands, with equal weights.
Roster starters(const FabricOptions& fabric, int islands);

}  // namespace strait
