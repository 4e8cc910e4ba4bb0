#include "core/comm/members.h"

#include <algorithm>

namespace strait {

int Members::seen() const {
  return static_cast<int>(
      std::count_if(members_.begin(), members_.end(), [](const Member& m) { return m.seen; }));
}

bool Members::can_join(IslandId island) const {
  const Member& m = (*this)[island];
  return m.live && m.connected && m.ready && !m.left_out;
}

std::vector<IslandId> Members::ready() const {
  std::vector<IslandId> result;
  for (IslandId i = 0; i < count(); ++i) {
    if (can_join(i)) result.push_back(i);
  }
  return result;
}

bool Members::somebody_is_awaited(std::uint32_t round, bool patient) const {
  for (IslandId i = 0; i < count(); ++i) {
    const Member& m = (*this)[i];
    const bool expected = m.live && !m.left_out && m.sits_out != round;
    if (expected && !can_join(i) && (patient || !m.catching_up)) return true;
  }
  return false;
}

std::vector<IslandId> Members::holders(std::uint32_t round, IslandId asker) const {
  std::vector<IslandId> result;
  for (IslandId i = 0; i < count(); ++i) {
    const Member& m = (*this)[i];
    if (i != asker && m.live && m.connected && m.has >= round) result.push_back(i);
  }
  return result;
}

std::optional<IslandId> Members::most_blamed(const Roster& roster) const {
  std::optional<IslandId> worst;
  for (const auto& member : roster.members) {
    const int blamed = (*this)[member.island].blamed;
    if (blamed > 0 && (!worst || blamed >= (*this)[*worst].blamed)) worst = member.island;
  }
  return worst;
}

void Members::next_round() {
  for (Member& m : members_) {
    m.ready.reset();
    m.blamed = 0;
    m.left_out = false;
    m.lacks = m.turned_away = false;
  }
}

void Members::retire(IslandId island) {
  Member& m = (*this)[island];
  m.live = false;
  m.suspect = false;
  m.catching_up = false;
  m.ready.reset();
  m.sits_out = 0;
}

Roster normalise(const Members& members, const std::vector<IslandId>& islands) {
  double sum = 0;
  for (const IslandId i : islands) sum += members[i].ready->weight;
  Roster roster;
  for (const IslandId i : islands) {
    const double weight = sum > 0 ? members[i].ready->weight / sum : 0;
    roster.members.push_back({i, static_cast<float>(weight)});
  }
  return roster;
}

}  // namespace strait
