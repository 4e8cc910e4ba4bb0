#include "tests/faults/injector.h"

#include <algorithm>
#include <utility>

#include "core/comm/round_messages.h"
#include "core/comm/tags.h"
#include "tests/faults/message_text.h"

namespace strait {

Injector::Injector(const FaultPlan& plan, World& world, ChaosNetwork& network,
                   FaultyStorage& storage, Auditor& auditor, EventLog& log)
    : plan_(plan),
      world_(world),
      loop_(static_cast<VirtualLoop&>(world.loop())),
      network_(network),
      storage_(storage),
      auditor_(auditor),
      log_(log),
      offered_(static_cast<std::size_t>((plan.islands + 1) * (plan.islands + 1))),
      there_(static_cast<std::size_t>(plan.islands), true) {
  network_.spy([this](PeerId from, PeerId to, Plane plane, const Slice& slice) {
    saw(from, to, plane, slice);
  });
  storage_.on_write([this](std::int64_t write) { wrote(write); });
  for (const Fault& fault : plan_.faults) {
    if (fault.when.kind == Trigger::Kind::kTime) begin(fault, fault.when.time);
  }
}

// ---------------------------------------------------------------------------------------------
// When

void Injector::begin(const Fault& fault, Nanos in) {
  loop_.at(loop_.now() + in, [this, &fault] {
    if (loop_.now() < plan_.healed) fire(fault);
  });
}

void Injector::wrote(std::int64_t write) {
  for (const Fault& fault : plan_.faults) {
    const Trigger& when = fault.when;
    if (when.kind == Trigger::Kind::kWrite && when.count == write) begin(fault, when.time);
  }
}

void Injector::saw(PeerId from, PeerId to, Plane plane, const Slice& slice) {
  const auto n = static_cast<std::size_t>(index_of(from) * (plan_.islands + 1) + index_of(to));
  const std::int64_t count = ++offered_[n];
  for (const Fault& fault : plan_.faults) {
    const Trigger& when = fault.when;
    const bool meant = when.kind == Trigger::Kind::kOffer && when.count == count &&
                       when.from == from && when.to == to;
    if (meant) begin(fault, when.time);
  }
  if (plane != Plane::kControl) return;
  const auto pair = std::pair(from, to);
  const auto header = headers_.find(pair);
  if (header != headers_.end()) {
    const FrameHeader of = header->second;
    headers_.erase(header);
    return read(from, to, of, slice);
  }
  if (slice.bytes.size() != kFrameHeaderBytes) return;
  const auto next = unpack(slice.bytes.first<kFrameHeaderBytes>());
  if (next && next->length > 0) headers_[pair] = *next;
}

void Injector::read(PeerId from, PeerId to, const FrameHeader& header, const Slice& message) {
  if (log_.on()) {
    const std::string text = text_of(header, message);
    if (!text.empty()) {
      log_.add(loop_.now(), "  {} -> {}: {}", index_of(from), index_of(to), text);
    }
  }
  if (from != PeerId::kCoordinator || header.tag != make_tag({.plane = TagPlane::kCoordinator})) {
    return;
  }
  const auto told = unpack_coordinator(message);
  if (!told.ok()) return;
  const auto* open = std::get_if<RosterMessage>(&told.value());
  if (open == nullptr) return;
  Takers& takers = rosters_[{open->round, open->epoch}];
  if (!takers.members.empty()) return;
  takers = {open->round, open->epoch, {}};
  for (const auto& member : open->roster.members) {
    const bool there = there_[static_cast<std::size_t>(member.island)];
    takers.members.push_back({member.island, there ? auditor_.life_of(member.island) : -1});
  }
}

// ---------------------------------------------------------------------------------------------
// What

void Injector::later(Nanos lasts, Callback undo) {
  loop_.at(std::min(loop_.now() + lasts, plan_.healed), std::move(undo));
}

void Injector::fire(const Fault& fault) {
  ++done_;
  log_.add(loop_.now(), "FAULT {}", to_string(fault));
  switch (fault.kind) {
    case FaultKind::kReset: return network_.reset(fault.a, fault.b, fault.flag);
    case FaultKind::kDelay:
      network_.delay(fault.a, fault.b, fault.amount);
      return later(fault.lasts, [this, &fault] { network_.delay(fault.a, fault.b, Nanos{0}); });
    case FaultKind::kDuplicate:
      std::ignore = network_.say_hello_again(fault.a, fault.b, fault.flag, fault.lasts);
      return;
    case FaultKind::kPartition: return partition(fault);
    case FaultKind::kKill: return kill(island_of(fault.a), fault.lasts);
    case FaultKind::kCrash: return crash(fault.lasts);
    case FaultKind::kSlowDisk:
      ++slow_;
      storage_.set_slowness(fault.amount);
      return later(fault.lasts, [this] {
        if (--slow_ == 0) storage_.set_slowness(plan_.disk);
      });
  }
}

void Injector::partition(const Fault& fault) {
  std::vector<std::pair<PeerId, PeerId>> cut;
  for (int from = 0; from <= plan_.islands; ++from) {
    for (int to = 0; to <= plan_.islands; ++to) {
      const bool inside = fault.peers[static_cast<std::size_t>(from)];
      if (inside == fault.peers[static_cast<std::size_t>(to)]) continue;
      if (inside ? fault.outward : fault.inward) {
        cut.push_back({static_cast<PeerId>(from), static_cast<PeerId>(to)});
      }
    }
  }
  for (const auto& [from, to] : cut) network_.block(from, to);
  later(fault.lasts, [this, cut, resets = fault.flag] {
    log_.add(loop_.now(), "HEALED a partition");
    for (const auto& [from, to] : cut) {
      if (resets) network_.reset(from, to, /*all=*/true);
      network_.unblock(from, to);
    }
  });
}

bool Injector::is_left(const Takers& takers, IslandId without) {
  return std::any_of(takers.members.begin(), takers.members.end(), [&](const Member& m) {
    return m.island != without && there_[static_cast<std::size_t>(m.island)] &&
           auditor_.life_of(m.island) == m.life && auditor_.started(m.island) >= takers.round;
  });
}

bool Injector::may_kill(IslandId island) {
  const auto last = static_cast<std::uint32_t>(auditor_.durable().size());
  std::uint32_t open_epoch = 0;
  for (const auto& [id, takers] : rosters_) open_epoch = std::max(open_epoch, takers.epoch);
  for (const auto& [id, takers] : rosters_) {
    // Of rounds that may yet be committed only the last attempt counts.
    if (takers.round > last && takers.epoch == open_epoch && !is_left(takers, island)) return false;
  }
  if (last == 0) return true;  // everybody knows how it began
  for (IslandId i = 0; i < plan_.islands; ++i) {
    if (i != island && there_[static_cast<std::size_t>(i)] && auditor_.round_of(i) >= last) {
      return true;
    }
  }
  const auto commit = rosters_.find({last, auditor_.durable()[last - 1].epoch});
  return commit != rosters_.end() && is_left(commit->second, island);
}

void Injector::kill(IslandId island, Nanos lasts) {
  const auto n = static_cast<std::size_t>(island);
  if (!there_[n] || !may_kill(island)) {
    log_.add(loop_.now(), "island {} is not killed", island);
    return;
  }
  there_[n] = false;
  loop_.hold_open();
  world_.kill_island(island);
  auditor_.died(island);
  later(lasts, [this, island, n] {
    log_.add(loop_.now(), "island {} is started again", island);
    there_[n] = true;
    world_.start_island(island);
    loop_.let_close();
  });
}

void Injector::crash(Nanos lasts) {
  if (!coordinator_there_) return;
  coordinator_there_ = false;
  world_.crash_coordinator();
  storage_.crash();
  later(lasts, [this] {
    log_.add(loop_.now(), "the coordinator is started again");
    coordinator_there_ = true;
    world_.start_coordinator();
  });
}

}  // namespace strait
