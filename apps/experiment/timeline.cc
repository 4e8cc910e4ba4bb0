#include "apps/experiment/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace strait {
namespace {

/// Of the edges of a timeline that is cut.
constexpr std::size_t kEdge = 10;  // one in so many of all that are kept

}  // namespace

std::string_view name_of(IslandState state) {
  switch (state) {
    case IslandState::kCompute: return "compute";
    case IslandState::kWait: return "wait";
    case IslandState::kDown: return "down";
    case IslandState::kAway: return "away";
  }
  return "unknown";
}

Timeline::Timeline(int islands, const Roster& starters, std::size_t most)
    : most_(most), places_(static_cast<std::size_t>(islands)) {
  for (Place& place : places_) place.state = IslandState::kAway;
  for (const auto& member : starters.members) {
    places_[static_cast<std::size_t>(member.island)].state = IslandState::kWait;
  }
}

void Timeline::record(const TraceRecord& record) {
  const auto island = static_cast<IslandId>(record.a);
  const auto there = [&] {
    const auto& state = places_[static_cast<std::size_t>(island)].state;
    return state != IslandState::kAway && state != IslandState::kDown;
  };
  switch (record.kind) {
    case TraceKind::kComputeStart:
      is_exact_ = true;
      if (there()) change(island, IslandState::kCompute, record.time);
      break;
    case TraceKind::kIslandWakes:
      if (there()) change(island, IslandState::kWait, record.time);
      break;
    case TraceKind::kIslandKilled: change(island, IslandState::kDown, record.time); break;
    case TraceKind::kIslandLeft: change(island, IslandState::kAway, record.time); break;
    case TraceKind::kIslandJoined: {
      change(island, IslandState::kWait, record.time);
      Place& place = places_[static_cast<std::size_t>(island)];
      place.reported = record.time;
      place.waited = Nanos{0};
      break;
    }
    default: break;
  }
}

void Timeline::ended(IslandId island, Nanos now) {
  // Who has left has not only ended.
  if (places_[static_cast<std::size_t>(island)].state == IslandState::kAway) return;
  change(island, std::nullopt, now);
}

void Timeline::change(IslandId island, std::optional<IslandState> state, Nanos now) {
  Place& place = places_[static_cast<std::size_t>(island)];
  if (place.state == state) return;
  if (place.state && now > place.begin) {
    if (place.last) keep(*place.last);
    place.last = {island, *place.state, place.begin, now};
  }
  place.begin = now;
  place.state = state;
  if (!state || !place.last || place.last->state != *state || place.last->end != now) return;
  place.begin = place.last->begin;  // goes on
  place.last.reset();
}

void Timeline::keep(const IslandInterval& interval) {
  if (!overflown_ && head_.size() < most_) {
    head_.push_back(interval);
    return;
  }
  const auto edge = static_cast<std::ptrdiff_t>(most_ / kEdge);
  if (!overflown_) {
    overflown_ = true;
    tail_.assign(head_.end() - edge, head_.end());
    head_.resize(static_cast<std::size_t>(edge));
  }
  tail_.push_back(interval);
  tail_.pop_front();
}

void Timeline::round_done(const IslandReport& report) {
  Place& place = places_[static_cast<std::size_t>(report.island)];
  // A life that nobody announced has waited for less than the one before it.
  const Nanos before = report.waited < place.waited ? Nanos{0} : place.waited;
  const Nanos begin = place.reported, end = std::max(begin, report.now);
  const Nanos waited = std::min(report.waited - before, end - begin);
  place.reported = end;
  place.waited = report.waited;
  auto& stretches = place.stretches;
  if (stretches.empty() || stretches.back().rounds >= rounds_per_stretch_ ||
      stretches.back().end != begin) {
    stretches.push_back({begin, end - waited, end, 1});
    if (++stretches_ > most_ / 2) halve();
    return;
  }
  Stretch& last = stretches.back();
  last.computed += end - begin - waited;
  last.end = end;
  ++last.rounds;
}

/// Twice as many rounds per stretch.
void Timeline::halve() {
  rounds_per_stretch_ *= 2;
  stretches_ = 0;
  for (Place& place : places_) {
    std::vector<Stretch> fewer;
    for (const Stretch& next : place.stretches) {
      if (fewer.empty() || fewer.back().end != next.begin ||
          fewer.back().rounds + next.rounds > rounds_per_stretch_) {
        fewer.push_back(next);
        continue;
      }
      fewer.back().computed += next.computed - next.begin;
      fewer.back().end = next.end;
      fewer.back().rounds += next.rounds;
    }
    place.stretches = std::move(fewer);
    stretches_ += place.stretches.size();
  }
}

std::vector<IslandInterval> Timeline::by_rounds(IslandId island) const {
  std::vector<IslandInterval> result;
  const auto add = [&](IslandState state, Nanos begin, Nanos end) {
    if (begin < end) result.push_back({island, state, begin, end});
  };
  Nanos until{0};
  for (const Stretch& s : places_[static_cast<std::size_t>(island)].stretches) {
    add(IslandState::kAway, until, s.begin);
    add(IslandState::kCompute, s.begin, s.computed);
    add(IslandState::kWait, s.computed, s.end);
    until = s.end;
  }
  return result;
}

std::vector<IslandInterval> Timeline::exact(IslandId island, Nanos end) const {
  const Place& place = places_[static_cast<std::size_t>(island)];
  std::vector<IslandInterval> result;
  const auto take = [&](const auto& intervals) {
    std::copy_if(intervals.begin(), intervals.end(), std::back_inserter(result),
                 [&](const IslandInterval& interval) { return interval.island == island; });
  };
  take(head_);
  if (overflown_) {
    const Nanos from = result.empty() ? Nanos{0} : result.back().end;
    const auto next = std::find_if(tail_.begin(), tail_.end(),
                                   [&](const auto& interval) { return interval.island == island; });
    const Nanos open = place.last ? place.last->begin : place.begin;
    const Nanos to = next == tail_.end() ? open : next->begin;
    for (IslandInterval between : by_rounds(island)) {
      between.begin = std::max(between.begin, from);
      between.end = std::min(between.end, to);
      if (between.begin < between.end) result.push_back(between);
    }
    take(tail_);
  }
  if (place.last) result.push_back(*place.last);
  if (place.state && place.begin < end) result.push_back({island, *place.state, place.begin, end});
  return result;
}

std::vector<IslandInterval> Timeline::intervals(Nanos end) const {
  std::vector<IslandInterval> result;
  for (IslandId island = 0; island < static_cast<IslandId>(places_.size()); ++island) {
    const auto own = is_exact_ ? exact(island, end) : by_rounds(island);
    result.insert(result.end(), own.begin(), own.end());
  }
  return result;
}

std::string timeline_lines(const std::string& arm, const std::vector<IslandInterval>& intervals) {
  std::string text;
  for (const IslandInterval& i : intervals) {
    text += fmt::format("{},{},{},{},{}\n", arm, i.island, name_of(i.state), i.begin.count(),
                        i.end.count());
  }
  return text;
}

}  // namespace strait
