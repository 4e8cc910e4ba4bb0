#include "tests/faults/fault_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/rng.h"

namespace strait {

namespace {

using namespace std::chrono_literals;

/// Draws of one plan, by name of what is drawn.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : rng_(seed, "fault plan") {}

  bool one_in(std::uint64_t n) { return rng_.below(n) == 0; }
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return least +
           static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(most - least) + 1));
  }
  Nanos time(Nanos least, Nanos most) { return Nanos(between(least.count(), most.count())); }
  template <class T>
  T one_of(std::initializer_list<T> values) {
    return values.begin()[rng_.below(values.size())];
  }
  PeerId peer(int peers) { return static_cast<PeerId>(between(0, peers - 1)); }
  /// Another one than `than`.
  PeerId other_peer(int peers, PeerId than) {
    const PeerId drawn = peer(peers - 1);
    return drawn < than ? drawn : static_cast<PeerId>(index_of(drawn) + 1);
  }

 private:
  Rng rng_;
};

void draw_options(Dice& dice, FaultPlan& plan) {
  WorldOptions& world = plan.world;
  world.islands = plan.islands;
  world.run_id = plan.seed;
  // Those whose sums the auditor can do again (true_mean.cc).
  world.collective.algorithm =
      dice.one_of<const char*>({"two_phase", "two_phase", "gather", "ring", "star"});
  world.collective.codec = dice.one_of<const char*>({"fp32", "fp32", "int8", "bf16"});
  world.collective.result_codec = dice.one_of<const char*>({"", "", "fp32"});
  world.collective.piece_bytes = dice.one_of<Bytes>({1024, 4096, 256 * 1024});
  world.collective.memory_rate = dice.one_of<BytesPerSecond>(
      {kUnlimited, BytesPerSecond{1'000'000}, BytesPerSecond{100'000}, BytesPerSecond{30'000}});
  world.eager_limit = dice.one_of<Bytes>({0, 500, 4000, 1024 * 1024});
  world.connections = static_cast<int>(dice.between(1, 3));
  // As many as it takes, where little fits a connection. Not by the dice: the other seeds stay.
  if (Rng(plan.seed, "connections").below(3) == 0) {
    world.connections = 0;
    world.measured_over = 20ms;
    plan.send_buffer = 500;
  }

  RoundsOptions& member = world.member;
  member.keep = static_cast<int>(dice.between(0, 4));
  member.peer_timeout = dice.one_of<Nanos>({4s, 6s, 9s});
  member.miss_after = dice.one_of<Nanos>({3s, 5s, 8s});
  member.connect_timeout = dice.one_of<Nanos>({2s, 3s});
  CoordinatorOptions& coordinator = world.coordinator;
  coordinator.quorum = dice.one_in(3) ? 0 : static_cast<int>(dice.between(1, plan.islands));
  coordinator.grace = dice.one_of<Nanos>({500ms, 2s, 4s});
  coordinator.suspect_after = 2s;
  coordinator.peer_timeout = member.peer_timeout;
  coordinator.patience = static_cast<int>(dice.between(1, 3));
  coordinator.retry_after = dice.one_of<Nanos>({100ms, 500ms});
  coordinator.lockstep = dice.one_in(4);
}

Trigger draw_trigger(Dice& dice, const FaultPlan& plan, Nanos until) {
  Trigger when;
  const int peers = plan.islands + 1;
  switch (dice.between(0, 4)) {
    case 0:
      when.kind = Trigger::Kind::kWrite;
      when.count = dice.between(1, 2 * plan.rounds);
      when.time = dice.one_in(2) ? 0s : dice.time(0s, 500ms);
      break;
    case 1:
    case 2:
      when.kind = Trigger::Kind::kOffer;
      when.from = dice.one_in(3) ? PeerId::kCoordinator : dice.peer(peers);
      when.to = dice.other_peer(peers, when.from);
      if (dice.one_in(2)) std::swap(when.from, when.to);
      when.count = dice.between(1, 120);
      when.time = dice.one_in(2) ? 0s : dice.time(0s, 100ms);
      break;
    default: when.time = dice.time(0s, until);
  }
  return when;
}

Fault draw_fault(Dice& dice, const FaultPlan& plan, Nanos until) {
  const int peers = plan.islands + 1;
  Fault fault{.kind = dice.one_of({FaultKind::kReset, FaultKind::kReset, FaultKind::kDelay,
                                   FaultKind::kDuplicate, FaultKind::kPartition,
                                   FaultKind::kPartition, FaultKind::kKill, FaultKind::kKill,
                                   FaultKind::kCrash, FaultKind::kSlowDisk}),
              .when = draw_trigger(dice, plan, until)};
  // What a crash leaves depends on where it hits the journal.
  if (fault.when.kind == Trigger::Kind::kWrite && dice.one_in(3)) fault.kind = FaultKind::kCrash;
  fault.a = dice.peer(peers);
  fault.b = dice.other_peer(peers, fault.a);
  if (fault.when.kind == Trigger::Kind::kOffer && !dice.one_in(3)) {
    // In the middle of what the two say to each other.
    fault.a = fault.when.from;
    fault.b = fault.when.to;
    if (dice.one_in(2)) std::swap(fault.a, fault.b);
  }
  fault.flag = dice.one_in(2);
  switch (fault.kind) {
    case FaultKind::kReset: break;
    case FaultKind::kDelay:
      fault.amount = dice.time(50ms, 3s);
      fault.lasts = dice.time(500ms, 8s);
      break;
    case FaultKind::kDuplicate:
      // Often for ever: nobody is there to reset it.
      fault.lasts = dice.one_in(2) ? Nanos{1h} : dice.time(1ms, 2s);
      break;
    case FaultKind::kPartition: {
      fault.peers.resize(static_cast<std::size_t>(peers));
      const bool one = dice.one_in(2);  // a silent peer
      for (std::size_t p = 0; p < fault.peers.size(); ++p) fault.peers[p] = !one && dice.one_in(3);
      fault.peers[static_cast<std::size_t>(index_of(fault.a))] = true;
      const auto direction = dice.between(0, 3);
      fault.outward = direction != 1;
      fault.inward = direction != 2;
      fault.lasts = dice.time(200ms, 14s);
      break;
    }
    case FaultKind::kKill:
      if (fault.a == PeerId::kCoordinator) fault.a = fault.b;
      fault.lasts = dice.one_in(3)   ? 0s
                    : dice.one_in(2) ? dice.time(1ms, 500ms)
                                     : dice.time(500ms, 12s);
      break;
    case FaultKind::kCrash: fault.lasts = dice.one_in(4) ? 0s : dice.time(10ms, 8s); break;
    case FaultKind::kSlowDisk:
      fault.amount = dice.time(100ms, 4s);
      fault.lasts = dice.time(1s, 10s);
      break;
  }
  return fault;
}

void draw_faults(Dice& dice, FaultPlan& plan) {
  const Nanos training = (plan.compute_least + plan.compute_most) / 2 * plan.rounds;
  const Nanos until = std::max<Nanos>(training * 2 / 3, 2s);
  plan.healed = until + 6s;
  const bool storm = dice.one_in(3);
  const auto count = dice.one_in(20) ? 0 : storm ? dice.between(20, 60) : dice.between(1, 12);
  for (std::int64_t f = 0; f < count; ++f) plan.faults.push_back(draw_fault(dice, plan, until));
  plan.pauses.resize(static_cast<std::size_t>(plan.islands) + 1);
  for (auto& pauses : plan.pauses) {
    if (&pauses == plan.pauses.data() || !dice.one_in(8)) continue;
    const Nanos start = dice.time(0s, until);
    pauses.push_back({start, std::min(start + dice.time(100ms, 12s), plan.healed)});
  }
}

}  // namespace

Nanos FaultPlan::compute(IslandId island, std::uint32_t round) const {
  Rng rng(seed, "compute", static_cast<std::uint64_t>(island) << 32 | round);
  const auto spread = static_cast<std::uint64_t>((compute_most - compute_least).count());
  return compute_least + Nanos(static_cast<std::int64_t>(rng.below(spread + 1)));
}

double FaultPlan::weight(IslandId island, std::uint32_t round) const {
  Rng rng(seed, "weight", static_cast<std::uint64_t>(island) << 32 | round);
  return static_cast<double>(1 + rng.below(3)) / 2;
}

FaultPlan draw_plan(std::uint64_t seed) {
  Dice dice(seed);
  FaultPlan plan{.seed = seed};
  plan.islands = static_cast<int>(dice.between(3, 8));
  plan.rounds = static_cast<std::uint32_t>(dice.between(20, 24));
  plan.elements =
      static_cast<std::size_t>(dice.one_in(4) ? dice.between(1, 10) : dice.between(1, 3000));
  for (int i = 0; i < plan.islands; ++i) {
    plan.policies.push_back(dice.one_of({Policy::kContinue, Policy::kReceive, Policy::kRejoin}));
  }
  plan.compute_least = dice.one_of<Nanos>({50ms, 300ms, 800ms});
  plan.compute_most = plan.compute_least + dice.one_of<Nanos>({50ms, 500ms});
  draw_options(dice, plan);
  plan.disk = dice.one_in(2) ? 0s : dice.time(1ms, 200ms);
  plan.delay_most = dice.one_of<Nanos>({2ms, 20ms, 100ms});
  plan.jitter = dice.one_of<Nanos>({0s, 5ms, 50ms});
  draw_faults(dice, plan);
  // Two rounds, and all that may still have to be noticed: who is silent, who cannot be reached,
  // who dials again, an attempt that is tried again at its slowest.
  const auto& world = plan.world;
  plan.progress =
      2 * (2 * plan.compute_most + world.coordinator.peer_timeout + world.member.peer_timeout +
           world.member.miss_after + world.coordinator.grace + world.member.connect_timeout + 5s +
           16 * world.coordinator.retry_after);
  return plan;
}

// ---------------------------------------------------------------------------------------------
// In words

namespace {

std::string to_string(const Trigger& when) {
  switch (when.kind) {
    case Trigger::Kind::kTime: return fmt::format("at {:.3f} s", seconds(when.time));
    case Trigger::Kind::kOffer:
      return fmt::format("{:.3f} s after peer {} offers peer {} its slice {}", seconds(when.time),
                         index_of(when.from), index_of(when.to), when.count);
    case Trigger::Kind::kWrite:
      return fmt::format("{:.3f} s after write {}", seconds(when.time), when.count);
  }
  return {};
}

std::string what(const Fault& f) {
  const int a = index_of(f.a), b = index_of(f.b);
  switch (f.kind) {
    case FaultKind::kReset:
      return fmt::format("reset {} of peers {} and {}", f.flag ? "all" : "one", a, b);
    case FaultKind::kDelay:
      return fmt::format("delay what peer {} says to {} by {:.3f} s, for {:.3f} s", a, b,
                         seconds(f.amount), seconds(f.lasts));
    case FaultKind::kDuplicate:
      return fmt::format("{} hello of peer {} arrives at {} again, for {:.3f} s",
                         f.flag ? "the last" : "a", a, b, seconds(f.lasts));
    case FaultKind::kPartition: {
      std::string cut;
      for (std::size_t p = 0; p < f.peers.size(); ++p) {
        if (f.peers[p]) cut += fmt::format("{}{}", cut.empty() ? "" : ",", p);
      }
      return fmt::format("peers {} {} for {:.3f} s, {}", cut,
                         f.outward && f.inward ? "are cut off"
                         : f.outward           ? "are not heard"
                                               : "hear nothing",
                         seconds(f.lasts), f.flag ? "then reset" : "then all arrives");
    }
    case FaultKind::kKill:
      return fmt::format("kill island {} for {:.3f} s", a - 1, seconds(f.lasts));
    case FaultKind::kCrash:
      return fmt::format("the coordinator crashes for {:.3f} s", seconds(f.lasts));
    case FaultKind::kSlowDisk:
      return fmt::format("a sync takes up to {:.3f} s, for {:.3f} s", seconds(f.amount),
                         seconds(f.lasts));
  }
  return {};
}

}  // namespace

std::string to_string(const Fault& fault) { return to_string(fault.when) + ": " + what(fault); }

std::string to_string(const FaultPlan& plan) {
  const auto& w = plan.world;
  std::string text = fmt::format(
      "seed {}: {} islands, {} rounds, {} elements, {} {}/{}, pieces of {}, eager {}, {} data "
      "connections\n",
      plan.seed, plan.islands, plan.rounds, plan.elements, w.collective.algorithm,
      w.collective.codec, w.collective.result_codec, w.collective.piece_bytes, w.eager_limit,
      w.connections == 0 ? "any number of" : std::to_string(w.connections));
  text += fmt::format(
      "  quorum {}, grace {:.1f} s, keep {}, peer timeout {:.0f} s, miss after {:.0f} s, connect "
      "timeout {:.0f} s, patience {}, retry after {:.1f} s{}\n",
      w.coordinator.quorum, seconds(w.coordinator.grace), w.member.keep,
      seconds(w.member.peer_timeout), seconds(w.member.miss_after),
      seconds(w.member.connect_timeout), w.coordinator.patience, seconds(w.coordinator.retry_after),
      w.coordinator.lockstep ? ", in lockstep" : "");
  text += fmt::format(
      "  a round computes {:.2f} to {:.2f} s, a sync takes up to {:.3f} s, delays up to {:.3f} s, "
      "jitter {:.3f} s\n  policies",
      seconds(plan.compute_least), seconds(plan.compute_most), seconds(plan.disk),
      seconds(plan.delay_most), seconds(plan.jitter));
  for (const Policy p : plan.policies) {
    text += p == Policy::kContinue ? " continue" : p == Policy::kReceive ? " receive" : " rejoin";
  }
  text += '\n';
  for (std::size_t p = 0; p < plan.pauses.size(); ++p) {
    for (const Pause& pause : plan.pauses[p]) {
      text += fmt::format("  peer {} stands still from {:.3f} to {:.3f} s\n", p,
                          seconds(pause.start), seconds(pause.end));
    }
  }
  for (const Fault& fault : plan.faults) text += "  " + to_string(fault) + '\n';
  text += fmt::format("  healed at {:.3f} s, progress within {:.3f} s\n", seconds(plan.healed),
                      seconds(plan.progress));
  return text;
}

}  // namespace strait
