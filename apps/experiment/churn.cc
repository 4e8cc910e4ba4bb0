#include "apps/experiment/churn.h"

#include <algorithm>
#include <map>
#include <utility>

namespace strait {

FabricOptions shrunk(FabricOptions fabric, int islands) {
  fabric.islands = islands;
  auto& all = fabric.description;
  if (std::ssize(all.islands) > islands) all.islands.resize(static_cast<std::size_t>(islands));
  std::erase_if(all.events, [&](const NetworkEvent& event) { return event.island >= islands; });
  return fabric;
}

FabricOptions quiet_islands(FabricOptions fabric) {
  for (IslandSpec& island : fabric.description.islands) island.start = Nanos{0};
  std::erase_if(fabric.description.events, [](const NetworkEvent& event) {
    return event.kind == NetworkEventKind::kIslandKill ||
           event.kind == NetworkEventKind::kIslandLeave ||
           event.kind == NetworkEventKind::kIslandJoin;
  });
  return fabric;
}

FabricOptions calm(FabricOptions fabric) {
  fabric = quiet_islands(std::move(fabric));
  fabric.description.events.clear();
  fabric.description.traces.clear();
  fabric.description.outages.clear();
  fabric.description.background.clear();
  return fabric;
}

bool come_and_go(const FabricOptions& fabric) {
  const FabricOptions quiet = quiet_islands(fabric);
  const auto& islands = fabric.description.islands;
  return quiet.description.events.size() != fabric.description.events.size() ||
         std::any_of(islands.begin(), islands.end(),
                     [](const IslandSpec& island) { return island.start > Nanos{0}; });
}

std::optional<NetworkEvent> gone_for_good(const FabricOptions& fabric) {
  std::map<IslandId, NetworkEvent> gone;  // and not back
  for (const NetworkEvent& event : fabric.description.events) {
    switch (event.kind) {
      case NetworkEventKind::kIslandKill:
      case NetworkEventKind::kIslandLeave: gone[event.island] = event; break;
      case NetworkEventKind::kIslandSilent:
        if (event.duration == Nanos{0}) gone[event.island] = event;
        break;
      case NetworkEventKind::kIslandJoin: gone.erase(event.island); break;
      default: break;
    }
  }
  if (gone.empty()) return std::nullopt;
  return gone.begin()->second;
}

Roster starters(const FabricOptions& fabric, int islands) {
  const auto& specs = fabric.description.islands;
  Roster roster;
  for (IslandId i = 0; i < islands; ++i) {
    const auto n = static_cast<std::size_t>(i);
    if (n >= specs.size() || specs[n].start == Nanos{0}) roster.members.push_back({i, 0});
  }
  const auto count = static_cast<double>(roster.members.size());
  for (auto& member : roster.members) member.weight = static_cast<float>(1 / count);
  return roster;
}

}  // namespace strait
