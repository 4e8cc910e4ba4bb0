// Collective: the weighted mean of one fp32 buffer over the contributors, given to the receivers
// with identical bits.
//
// Bits: contributions are added in island order (ring: in the order of its ring), as decoded,
// multiply then add in fp32; whatever the network, the same. Errors: an Outcome; `out` means
// nothing then. A contribution that is not finite is refused: it would spoil every island's mean.
//
// Start and wait are two calls; several exchanges may be in flight, each with an id, issued in the
// same order everywhere. They advance on the loop, never in an island's thread, so communication
// overlaps compute. TransportCollective runs an algorithm from the table over a Transport; NCCL
// (later) implements this natively.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/base/ids.h"
#include "core/base/outcome.h"
#include "core/base/ticket.h"
#include "core/comm/ledger.h"

namespace strait {

/// Who takes part in one exchange, the same list on every island.
struct Roster {
  struct Member {
    IslandId island = 0;
    float weight = 0;  // of its contribution; they sum to 1. 0: only receives the mean
  };
  std::vector<Member> members;  // by island

  bool contains(IslandId island) const;
  std::vector<Member> contributors() const;  // weight above 0
  float weight_of(IslandId island) const;    // 0 if not a member
};

/// All islands with equal weights: 1/k, rounded once.
Roster everyone(int islands);

struct ExchangeId {
  std::uint32_t fragment = 0;
  std::uint32_t number = 0;  // round, or step in data parallelism; unique with fragment and epoch
  std::uint32_t epoch = 0;   // rises with each aborted attempt
  std::int64_t ledger_round = 0;
};

class Collective {
 public:
  virtual ~Collective() = default;

  /// Called on the island's thread. `in` is never written; `out` (of the same length) holds the
  /// mean once the ticket is good. Both stay the collective's until the ticket is completed: the
  /// exchange has ended and nobody reads `in` any more. Says whether *this* island completed; the
  /// verdict for all comes from Rounds. `owner` keeps `in` alive for peers that still read it when
  /// the ticket's island unwinds early; without one, `in` has to outlive the run then.
  /// kMismatch for a contribution with infinity or NaN. It is looked for piece by piece, when a
  /// piece is read anyway; the virtual clock is not charged. The piece that has it is not sent and
  /// no mean of it is made, so nobody's exchange completes.
  virtual Ticket<Outcome<Done>> start(const ExchangeId& id, std::span<const float> in,
                                      std::span<float> out, const Roster& roster,
                                      std::shared_ptr<const void> owner = {}) = 0;
};

}  // namespace strait
