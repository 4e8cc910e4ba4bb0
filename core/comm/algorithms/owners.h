// Exchanges in which every piece of the buffer has an owner among the contributors, who adds it up
// and sends its mean to everybody. Who owns what is all that tells two_phase and star apart.
#pragma once

#include "core/comm/algorithms/algorithm.h"

namespace strait {

struct Owners {
  std::vector<Roster::Member> contributors;
  std::vector<std::vector<Range>> shards;  // by contributor: the pieces that it owns
};

/// `owners` outlives the coroutine.
Async<Outcome<Done>> exchange_by_owners(Exchange& x, const Owners& owners);

}  // namespace strait
