// FaultPlan: all that a seed decides: how many islands train how, and what goes wrong when.
//
// Values only. The same seed draws the same plan on every host.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backends/world.h"

namespace strait {

enum class FaultKind {
  kReset,      // connections of a and b
  kDelay,      // what a says to b
  kDuplicate,  // a hello of a arrives at b once more
  kPartition,  // `peers` and the rest, in one direction or both
  kKill,       // island a; it comes back after `lasts`
  kCrash,      // the coordinator, and what its disk had not written; comes back after `lasts`
  kSlowDisk,   // of the coordinator
};

/// When a fault begins: at a time, when a has offered b its nth slice, or at the nth write.
struct Trigger {
  enum class Kind { kTime, kOffer, kWrite };
  Kind kind = Kind::kTime;
  Nanos time{0};  // of kTime; else after what happened
  PeerId from{};  // of kOffer
  PeerId to{};
  std::int64_t count = 0;
};

struct Fault {
  FaultKind kind{};
  Trigger when;
  PeerId a{};
  PeerId b{};
  std::vector<bool> peers;  // of kPartition: who is cut off, by peer
  bool outward = true;      // what they say does not arrive
  bool inward = true;       // they hear nothing
  bool flag = false;        // kReset: all; kDuplicate: the last one; kPartition: reset at its end
  Nanos lasts{0};           // kDuplicate: of the connection
  Nanos amount{0};          // kDelay, kSlowDisk
};

/// What an island does that has missed a round (docs/ARCHITECTURE.md, "Rounds that survive").
enum class Policy { kContinue, kReceive, kRejoin };

struct FaultPlan {
  std::uint64_t seed = 0;
  int islands = 0;
  std::uint32_t rounds = 0;
  std::size_t elements = 0;
  std::vector<Policy> policies;  // by island
  Nanos compute_least{0};        // of a round
  Nanos compute_most{0};
  WorldOptions world;  // without the fabric
  Nanos disk{0};       // a sync takes up to this
  Nanos delay_most{0};
  Nanos jitter{0};
  Bytes send_buffer = 64 * 1024;           // of a connection
  std::vector<std::vector<Pause>> pauses;  // by peer
  std::vector<Fault> faults;
  Nanos healed{0};    // no fault is left
  Nanos progress{0};  // within this, a round commits then

  Nanos compute(IslandId island, std::uint32_t round) const;
  double weight(IslandId island, std::uint32_t round) const;
};

FaultPlan draw_plan(std::uint64_t seed);

/// A line each.
std::string to_string(const Fault& fault);
std::string to_string(const FaultPlan& plan);

}  // namespace strait
