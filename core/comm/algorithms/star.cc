// star: the lowest contributor is the hub. It gets all contributions whole, adds them up in island
// order, and sends the mean back to everybody (owners.cc, with one owner for all).
//
// For S bytes and k islands, the hub receives (k-1) S and sends (k-1) S; every other island sends S
// and receives S. 2 latency terms, two quantizations, the bits of two_phase, and its bytes in all,
// 2 (k-1) S. But they pass the hub's link, so an exchange takes k/2 times as long where all links
// are equal; it suits islands around one with a fat link. 2 (k-1) flows. Memory beside `in` and
// `out`: on the hub up to (k-1) S of contributions that arrive before their turn.

#include "core/comm/algorithms/owners.h"
#include "core/comm/algorithms/rows.h"

namespace strait {

Async<Outcome<Done>> star(Exchange& x) {
  Owners owners{.contributors = x.roster.contributors(), .shards = {}};
  owners.shards.resize(owners.contributors.size());
  owners.shards.front() = pieces_of({0, static_cast<std::int64_t>(x.out.size())}, x.piece);
  Async<Outcome<Done>> running = exchange_by_owners(x, owners);
  Outcome<Done> outcome = co_await running;
  co_return outcome;
}

}  // namespace strait
