// The story: everyone sends the pieces of all foreign shards at once. Then the owner takes its own
// shard piece by piece: it adds the contributions in island order, as decoded (its own too),
// encodes the mean, keeps what the others will decode, and sends it on. At last come the other
// owners' means.
#include "core/comm/algorithms/owners.h"

#include <algorithm>

namespace strait {

namespace {

struct Place {
  Place(const Exchange& x, const Owners& o)
      : contributors(o.contributors),
        shards(o.shards),
        own(place_of(o.contributors, x.self)),
        contributes(own != SIZE_MAX) {}

  const std::vector<Roster::Member>& contributors;
  const std::vector<std::vector<Range>>& shards;
  const std::size_t own;
  const bool contributes;
};

using ByIsland = std::vector<Arriving>;  // by contributor

/// Pieces go out in turn over the owners, beginning with our neighbour, so that no owner gets the
/// contributions of all islands at the same moment.
Async<Done> send_contributions(Exchange& x, const Place& place) {
  const std::size_t k = place.contributors.size();
  std::size_t longest = 0;
  for (const auto& shard : place.shards) longest = std::max(longest, shard.size());
  for (std::size_t p = 0; p < longest; ++p) {
    for (std::size_t turn = 1; turn < k; ++turn) {
      const std::size_t owner = (place.own + turn) % k;
      if (p >= place.shards[owner].size()) continue;
      const Range range = place.shards[owner][p];
      if (!x.codec.is_identity()) {
        Pending<Done> encoded = x.worker.work(range.size() * static_cast<Bytes>(sizeof(float)));
        co_await encoded;
      }
      send_contribution(x, place.contributors[owner].island, p, range);
    }
  }
  co_return Done{};
}

ByIsland ask_for_contributions(Exchange& x, const Place& place) {
  ByIsland arriving(place.contributors.size());
  for (std::size_t s = 0; s < arriving.size(); ++s) {
    if (!place.contributes || s == place.own) continue;
    arriving[s] = ask_for(x, place.contributors[s].island, TagPlane::kContribution,
                          place.shards[place.own], x.codec);
  }
  return arriving;
}

ByIsland ask_for_means(Exchange& x, const Place& place) {
  ByIsland arriving(place.contributors.size());
  for (std::size_t s = 0; s < arriving.size(); ++s) {
    if (s == place.own) continue;
    arriving[s] = ask_for(x, place.contributors[s].island, TagPlane::kResult, place.shards[s],
                          x.result_codec);
  }
  return arriving;
}

/// Adds up one piece of our shard and sends the mean on.
Async<Outcome<Done>> reduce_piece(Exchange& x, const Place& place, std::size_t p,
                                  ByIsland& contributions) {
  const Range range = place.shards[place.own][p];
  Sum sum = take_sum_of_mean(x, range);
  for (std::size_t s = 0; s < place.contributors.size(); ++s) {
    const float weight = place.contributors[s].weight;
    if (s == place.own) {
      if (auto refused = add_own(x, weight, range, sum)) co_return *refused;
    } else {
      Outcome<Slice> arrived = co_await contributions[s][p];
      if (!arrived.ok()) co_return arrived.failure();
      sum.add(x.codec, arrived.value().bytes, weight);
    }
    Pending<Done> added = x.worker.work(static_cast<Bytes>(sum.values.size_bytes()));
    co_await added;
  }
  const Slice mean = encode(x.result_codec, x.buffers, sum.values, sum.hold);
  for (const auto& member : x.roster.members) {
    if (member.island != x.self) send_piece(x, member.island, TagPlane::kResult, p, mean);
  }
  take_mean(x, range, mean);
  co_return Done{};
}

Async<Outcome<Done>> reduce_own_shard(Exchange& x, const Place& place, ByIsland& contributions) {
  for (std::size_t p = 0; p < place.shards[place.own].size(); ++p) {
    Async<Outcome<Done>> reducing = reduce_piece(x, place, p, contributions);
    Outcome<Done> reduced = co_await reducing;
    if (!reduced.ok()) co_return reduced;
  }
  co_return Done{};
}

Async<Outcome<Done>> take_means(Exchange& x, const Place& place, ByIsland& means) {
  for (std::size_t s = 0; s < means.size(); ++s) {
    for (std::size_t p = 0; p < means[s].size(); ++p) {
      Outcome<Slice> mean = co_await means[s][p];
      if (!mean.ok()) co_return mean.failure();
      const Range range = place.shards[s][p];
      take_mean(x, range, mean.value());
      Pending<Done> decoded = x.worker.work(range.size() * static_cast<Bytes>(sizeof(float)));
      co_await decoded;
    }
  }
  co_return Done{};
}

}  // namespace

Async<Outcome<Done>> exchange_by_owners(Exchange& x, const Owners& owners) {
  const Place place(x, owners);
  ByIsland contributions = ask_for_contributions(x, place);
  ByIsland means = ask_for_means(x, place);
  Outcome<Done> outcome = Done{};
  if (place.contributes) {
    Async<Done> sending = send_contributions(x, place);
    co_await sending;
    Async<Outcome<Done>> reducing = reduce_own_shard(x, place, contributions);
    outcome = co_await reducing;
  }
  if (outcome.ok()) {
    Async<Outcome<Done>> taking = take_means(x, place, means);
    outcome = co_await taking;
  }
  if (!outcome.ok()) give_up(x.transport, x.id);
  co_return outcome;
}

}  // namespace strait
