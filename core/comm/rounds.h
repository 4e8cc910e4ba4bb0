// Rounds: an island's side of an outer step.
//
//   ready  ->  roster  ->  exchange  ->  report  ->  verdict
//
// The island hands its outer gradient over at the boundary and waits once. What comes back counts
// for everybody: the coordinator commits or aborts a round once for all, and nobody applies what
// the others did not. An abort may come in the middle of the exchange, which then ends.
//
// Ownership: `in` and `out` belong to the round until its ticket is completed, and are free then
// whatever came out. Thread: start() on the island's, all else on the loop.
#pragma once

#include "core/comm/round_messages.h"
#include "core/comm/transport_collective.h"

namespace strait {

struct RoundRequest {
  std::uint32_t round = 0;        // counts from 1
  double weight = 1;              // of the contribution; 0: nothing to contribute, only receive
  std::uint64_t shared_hash = 0;  // all islands must refer to the same shared parameters
  std::span<const float> in;      // the outer gradient
  std::span<float> out;           // the mean; counts after a commit
};

struct RoundResult {
  std::uint32_t round = 0;
  std::uint32_t epoch = 0;
  Roster roster;  // who took part with which weight
};

class Rounds {
 public:
  Rounds(Clock& clock, Transport& transport, TransportCollective& collective)
      : clock_(clock), transport_(transport), collective_(collective) {}

  /// One round at a time. kAborted: nobody applied it; the reason is the coordinator's. Other
  /// failures: the coordinator is gone (kClosed) or not to be understood (kMismatch).
  Ticket<Outcome<RoundResult>> start(const RoundRequest& request);

 private:
  Async<Outcome<RoundResult>> run(RoundRequest request);
  Async<Done> hear_verdict(ExchangeId id, Promise<Outcome<Done>> heard);

  Clock& clock_;
  Transport& transport_;
  TransportCollective& collective_;
  Scope scope_;
};

}  // namespace strait
