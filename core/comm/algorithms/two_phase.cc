// two_phase: each contributor owns a shard, adds up what the others send of it, and sends the mean
// back to everybody (owners.cc).
//
// For S bytes and k islands, each island sends (k-1)/k S to the owners and (k-1)/k S of means: the
// byte count of a ring, 2 (k-1)/k S, in 2 latency terms instead of 2 (k-1), with two quantizations
// instead of k. k (k-1) flows. Memory beside `in` and `out`: one shard of means that
// wait to leave (none where they lie in `out`, Exchange::in_place), plus what has arrived early.

#include "core/comm/algorithms/owners.h"
#include "core/comm/algorithms/rows.h"

namespace strait {

Async<Outcome<Done>> two_phase(Exchange& x) {
  Owners owners{.contributors = x.roster.contributors(), .shards = {}};
  owners.shards = even_shards(x, static_cast<std::int64_t>(owners.contributors.size()));
  Async<Outcome<Done>> running = exchange_by_owners(x, owners);
  Outcome<Done> outcome = co_await running;
  co_return outcome;
}

}  // namespace strait
