// ring: the contributors stand in a ring, in island order, and each talks only to the next. Every
// shard makes one round as a growing sum (reduce-scatter) and another as the mean (all-gather).
//
// Shard s begins at the s-th contributor, who sends its bare contribution; s+1 adds its own and
// sends the sum on, and so on up to s-1 (modulo k), where the mean comes out: the shard's owner. So
// it is added in the order s, s+1, ..., s-1: other bits than island order, the same on everybody.
//
// For S bytes and k islands, each island sends (k-1)/k S of sums and (k-1)/k S of means,
// 2 (k-1)/k S as two_phase does, over k flows, but in 2 (k-1) latency terms, one after the other.
// Sums travel in the codec of the contributions: with a lossy one they are encoded anew at each
// hop, so what the first contributor of a shard sent is quantized k times before all have it (its
// contribution, k-2 sums, the mean), and every island's own contribution is added as decoded.
// Islands of weight 0 stand outside: the owner of each shard sends them its mean directly.
// Memory beside `in` and `out`: one piece, plus what arrives early (at most one buffer).

#include "core/comm/algorithms/rows.h"

namespace strait {

namespace {

struct Ring {
  explicit Ring(const Exchange& x)
      : contributors(x.roster.contributors()),
        k(contributors.size()),
        shards(even_shards(x, static_cast<std::int64_t>(k))),
        own(place_of(contributors, x.self)) {}

  std::size_t plus(std::size_t place, std::size_t steps) const { return (place + steps) % k; }
  /// For tags. The same for another length, so that lengths that differ meet and are told apart.
  std::size_t number(std::size_t shard, std::size_t piece) const { return piece * k + shard; }
  std::size_t owner_of(std::size_t shard) const { return plus(shard, k - 1); }
  IslandId left() const { return contributors[plus(own, k - 1)].island; }
  IslandId right() const { return contributors[plus(own, 1)].island; }

  std::vector<Roster::Member> contributors;
  std::size_t k;
  std::vector<std::vector<Range>> shards;
  std::size_t own;  // our place, SIZE_MAX outside of the ring
};

using ByShard = std::vector<Arriving>;

/// All shards but our own come by as sums.
ByShard ask_for_sums(Exchange& x, const Ring& ring) {
  ByShard arriving(ring.k);
  for (std::size_t s = 0; s < ring.k && ring.own != SIZE_MAX; ++s) {
    if (s == ring.own) continue;
    arriving[s] = ask_for(x, ring.left(), TagPlane::kContribution, ring.shards[s], x.codec,
                          {.first = s, .step = ring.k});
  }
  return arriving;
}

/// All but the one that we own come by as means; outside of the ring all come from their owners.
ByShard ask_for_means(Exchange& x, const Ring& ring) {
  ByShard arriving(ring.k);
  for (std::size_t s = 0; s < ring.k; ++s) {
    const std::size_t owner = ring.owner_of(s);
    if (owner == ring.own) continue;
    const IslandId from = ring.own == SIZE_MAX ? ring.contributors[owner].island : ring.left();
    arriving[s] = ask_for(x, from, TagPlane::kResult, ring.shards[s], x.result_codec,
                          {.first = s, .step = ring.k});
  }
  return arriving;
}

/// The piece has been all around: its mean goes to the next, and to those outside of the ring.
void send_mean(Exchange& x, const Ring& ring, std::size_t number, const Slice& mean) {
  if (ring.k > 1) send_piece(x, ring.right(), TagPlane::kResult, number, mean);
  for (const auto& member : x.roster.members) {
    if (member.weight > 0) continue;
    send_piece(x, member.island, TagPlane::kResult, number, mean);
  }
}

/// Our own shard begins its round.
Async<Done> send_own_shard(Exchange& x, const Ring& ring) {
  const auto& pieces = ring.shards[ring.own];
  for (std::size_t p = 0; p < pieces.size(); ++p) {
    if (!x.codec.is_identity()) {
      Pending<Done> encoded = x.worker.work(pieces[p].size() * static_cast<Bytes>(sizeof(float)));
      co_await encoded;
    }
    send_contribution(x, ring.right(), ring.number(ring.own, p), pieces[p]);
  }
  co_return Done{};
}

/// Adds our contribution to one piece that has come by, and sends it on, as a sum or as the mean.
Async<Outcome<Done>> pass_piece(Exchange& x, const Ring& ring, std::size_t shard, std::size_t p,
                                ByShard& sums) {
  const Range range = ring.shards[shard][p];
  const std::size_t number = ring.number(shard, p);
  const bool last = ring.owner_of(shard) == ring.own;
  Sum sum = last ? take_sum_of_mean(x, range) : take_sum(x, range);
  if (ring.k > 1) {
    Outcome<Slice> arrived = co_await sums[shard][p];
    if (!arrived.ok()) co_return arrived.failure();
    if (shard == ring.plus(ring.own, ring.k - 1)) {  // from the first: its bare contribution
      sum.add(x.codec, arrived.value().bytes, ring.contributors[shard].weight);
    } else {
      x.codec.decode(arrived.value().bytes, sum.values);
      sum.empty = false;
    }
  }
  const float weight = ring.contributors[ring.own].weight;
  if (auto refused = add_own(x, weight, range, sum)) co_return *refused;
  const auto bytes = static_cast<Bytes>(sum.values.size_bytes());
  // Added, and but for the mean, whose encoding no algorithm is charged for, encoded again.
  Pending<Done> added = x.worker.work(last || x.codec.is_identity() ? bytes : 2 * bytes);
  co_await added;
  if (last) {
    const Slice mean = encode(x.result_codec, x.buffers, sum.values, sum.hold);
    send_mean(x, ring, number, mean);
    take_mean(x, range, mean);
  } else {
    send_piece(x, ring.right(), TagPlane::kContribution, number,
               encode(x.codec, x.buffers, sum.values, sum.hold));
  }
  co_return Done{};
}

/// The shards come by in the order own-1, own-2, ..., the last of which is the one that we own.
Async<Outcome<Done>> pass_sums(Exchange& x, const Ring& ring, ByShard& sums) {
  for (std::size_t back = ring.k > 1 ? 1 : 0; back < ring.k; ++back) {
    const std::size_t shard = ring.plus(ring.own, ring.k - back);
    for (std::size_t p = 0; p < ring.shards[shard].size(); ++p) {
      Async<Outcome<Done>> passing = pass_piece(x, ring, shard, p, sums);
      Outcome<Done> passed = co_await passing;
      if (!passed.ok()) co_return passed;
    }
  }
  co_return Done{};
}

/// The means come by in the order own, own-1, ...; the one that the next owns ends here.
Async<Outcome<Done>> pass_means(Exchange& x, const Ring& ring, ByShard& means) {
  const bool inside = ring.own != SIZE_MAX;
  for (std::size_t back = 0; back < ring.k; ++back) {
    const std::size_t shard = ring.plus(inside ? ring.own : ring.k - 1, ring.k - back);
    for (std::size_t p = 0; p < means[shard].size(); ++p) {
      Outcome<Slice> mean = co_await means[shard][p];
      if (!mean.ok()) co_return mean.failure();
      if (inside && ring.owner_of(shard) != ring.plus(ring.own, 1)) {
        send_piece(x, ring.right(), TagPlane::kResult, ring.number(shard, p), mean.value());
      }
      const Range range = ring.shards[shard][p];
      take_mean(x, range, mean.value());
      Pending<Done> decoded = x.worker.work(range.size() * static_cast<Bytes>(sizeof(float)));
      co_await decoded;
    }
  }
  co_return Done{};
}

Async<Outcome<Done>> pass_around(Exchange& x) {
  const Ring ring(x);
  ByShard sums = ask_for_sums(x, ring);
  ByShard means = ask_for_means(x, ring);
  if (ring.own != SIZE_MAX) {
    if (ring.k > 1) {
      Async<Done> sending = send_own_shard(x, ring);
      co_await sending;
    }
    Async<Outcome<Done>> passing = pass_sums(x, ring, sums);
    Outcome<Done> passed = co_await passing;
    if (!passed.ok()) co_return passed;
  }
  Async<Outcome<Done>> passing = pass_means(x, ring, means);
  Outcome<Done> passed = co_await passing;
  co_return passed;
}

}  // namespace

Async<Outcome<Done>> ring(Exchange& x) {
  Async<Outcome<Done>> running = pass_around(x);
  Outcome<Done> outcome = co_await running;
  if (!outcome.ok()) give_up(x.transport, x.id);
  co_return outcome;
}

}  // namespace strait
