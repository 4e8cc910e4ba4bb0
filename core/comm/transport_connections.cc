// How many connections carry a peer's data, and what they know of themselves.
#include <algorithm>

#include "core/comm/transport.h"
#include "core/comm/transport_state.h"

namespace strait {

/// Data connections that may be dialled to us.
int Transport::takes() const {
  return options_.data_connections > 0 ? options_.data_connections : kMostConnections;
}

/// The first ones, on which we send.
std::size_t Transport::usable(const Peer& p, Plane plane) const {
  const std::size_t open = p.connections(plane).size();
  if (plane == Plane::kControl || options_.data_connections > 0) return open;
  return std::min(open, static_cast<std::size_t>(p.count.wanted()));
}

/// Before data leaves: what has left tells how many connections it should go over.
void Transport::watch_use(Peer& p) {
  if (options_.data_connections > 0 || !p.stands || loop_.now() < p.count.next_look()) return;
  const std::size_t used = usable(p, Plane::kData);
  const auto figures = sum_of(p, Plane::kData, used);
  if (!figures) return;
  const bool others_wait = std::any_of(peers_.begin(), peers_.end(), [&](const auto& other) {
    return other != nullptr && other->id != p.id && !other->queue(Plane::kData).empty();
  });
  const int wanted = p.count.wanted();
  p.count.look({.now = loop_.now(),
                .used = static_cast<int>(used),
                .figures = *figures,
                .waited = std::exchange(p.waited, true),
                .others_wait = others_wait});
  if (p.count.wanted() != wanted) widen(p);
}

/// Opens as many data connections as both sides want, or says to who has to how many we want.
void Transport::widen(Peer& p) {
  if (options_.data_connections > 0 || !p.stands) return;
  const int wanted = p.count.wanted();
  if (p.id < options_.self) {
    const int most = std::min(std::max(wanted, p.their_wish), p.they_take);
    while (static_cast<int>(p.connections(Plane::kData).size()) < most) dial(p, Plane::kData);
  } else if (wanted > std::max(1, p.told_wish)) {
    p.told_wish = wanted;
    signal(p, {.kind = FrameKind::kWiden, .sequence = static_cast<std::uint64_t>(wanted)});
  }
}

std::optional<StreamFigures> Transport::sum_of(const Peer& p, Plane plane,
                                               std::size_t count) const {
  std::optional<StreamFigures> sum;
  for (std::size_t i = 0; i < count; ++i) {
    const auto figures = p.connections(plane)[i]->figures();
    if (!figures) continue;
    if (!sum) sum.emplace();
    sum->add(*figures);
  }
  return sum;
}

Transport::InUse Transport::connections(PeerId id) const {
  const Peer& p = peer(id);
  return {.open = static_cast<int>(p.connections(Plane::kData).size()),
          .used = static_cast<int>(usable(p, Plane::kData))};
}

std::optional<StreamFigures> Transport::figures(PeerId id) const {
  const Peer& p = peer(id);
  std::optional<StreamFigures> sum = p.earlier;
  for (const Plane plane : {Plane::kControl, Plane::kData}) {
    const auto some = sum_of(p, plane, p.connections(plane).size());
    if (!some) continue;
    if (!sum) sum.emplace();
    sum->add(*some);
  }
  return sum;
}

}  // namespace strait
