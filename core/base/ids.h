// Who is who. Islands are numbered 0..k-1 by the scenario; on the network they are peers, and the
// coordinator is peer 0 (it has a place of its own among the links).
#pragma once

#include <cstdint>

namespace strait {

using IslandId = std::int32_t;

enum class PeerId : std::int32_t { kCoordinator = 0 };

constexpr PeerId peer_of(IslandId island) { return static_cast<PeerId>(island + 1); }
constexpr IslandId island_of(PeerId peer) { return static_cast<IslandId>(peer) - 1; }
constexpr int index_of(PeerId peer) { return static_cast<int>(peer); }

}  // namespace strait
