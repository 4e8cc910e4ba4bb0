// two_phase: each contributor owns a shard, adds up what the others send of it, and sends the mean
// back to everybody.
//
// For S bytes and k islands, each island sends (k-1)/k S to the owners and (k-1)/k S of means: the
// byte count of a ring, 2 (k-1)/k S, in 2 latency terms instead of 2 (k-1), with two quantizations
// instead of k. k (k-1) flows. Memory beside `in` and `out`: one shard, plus what has arrived
// early.
//
// The story: everyone sends the pieces of all foreign shards at once. Then the owner takes its own
// shard piece by piece: it adds the contributions in island order, as decoded (its own too),
// encodes the mean, keeps what the others will decode, and sends it on. At last come the other
// owners' means.

#include <cstring>
#include <numeric>
#include <tuple>

#include "core/comm/algorithms/rows.h"

namespace strait {

namespace {

struct Plan {
  explicit Plan(Exchange& x)
      : contributors(x.roster.contributors()),
        align(std::lcm(x.codec.block(), x.result_codec.block())) {
    for (std::size_t s = 0; s < contributors.size(); ++s) {
      const Range shard =
          shard_of(static_cast<std::int64_t>(x.out.size()), static_cast<std::int64_t>(s),
                   static_cast<std::int64_t>(contributors.size()), align);
      shards.push_back(pieces_of(shard, x.piece));
      if (contributors[s].island == x.self) own = s;
    }
  }

  std::vector<Roster::Member> contributors;
  std::int64_t align;
  std::vector<std::vector<Range>> shards;  // by owner: its pieces
  std::size_t own = SIZE_MAX;              // our place among the contributors, if we are one
};

Tag tag_of(const Exchange& x, TagPlane plane, std::size_t piece) {
  return make_tag({plane, x.id.fragment, x.id.number, x.id.epoch, piece});
}

/// Pieces go out in turn over the owners, beginning with our neighbour, so that no owner gets the
/// contributions of all islands at the same moment.
Async<Done> send_contributions(Exchange& x, const Plan& plan) {
  const std::size_t k = plan.contributors.size();
  std::size_t longest = 0;
  for (const auto& shard : plan.shards) longest = std::max(longest, shard.size());
  for (std::size_t p = 0; p < longest; ++p) {
    for (std::size_t turn = 1; turn < k; ++turn) {
      const std::size_t owner = (plan.own + turn) % k;
      if (p >= plan.shards[owner].size()) continue;
      const auto values = part(x.in, plan.shards[owner][p]);
      if (!x.codec.is_identity()) {
        Pending<Done> encoded = x.worker.work(static_cast<Bytes>(values.size_bytes()));
        co_await encoded;
      }
      std::ignore = x.transport.send({.to = peer_of(plan.contributors[owner].island),
                                      .tag = tag_of(x, TagPlane::kContribution, p),
                                      .cause = Cause::kPayload,
                                      .round = x.id.ledger_round},
                                     encode(x.codec, x.buffers, values, x.hold));
    }
  }
  co_return Done{};
}

/// All receives are posted at the start, so that senders of large pieces have their credit early.
using Receives = std::vector<std::vector<Pending<Outcome<Slice>>>>;

Receives post_receives(Exchange& x, const Plan& plan, TagPlane plane, const Codec& codec) {
  Receives receives(plan.contributors.size());
  for (std::size_t s = 0; s < plan.contributors.size(); ++s) {
    if (s == plan.own) continue;
    const bool to_own = plane == TagPlane::kContribution;
    if (to_own && plan.own == SIZE_MAX) continue;
    const auto& pieces = plan.shards[to_own ? plan.own : s];
    for (std::size_t p = 0; p < pieces.size(); ++p) {
      receives[s].push_back(x.transport.receive(peer_of(plan.contributors[s].island),
                                                tag_of(x, plane, p),
                                                codec.encoded_size(pieces[p].size())));
    }
  }
  return receives;
}

void add_own(Exchange& x, float weight, std::span<const float> values, std::span<float> sum) {
  const Slice encoded = encode(x.codec, x.buffers, values, x.hold);
  x.codec.decode_add(encoded.bytes, weight, sum);
}

void send_result(Exchange& x, std::size_t piece, const Slice& mean) {
  for (const auto& member : x.roster.members) {
    if (member.island == x.self) continue;
    std::ignore = x.transport.send({.to = peer_of(member.island),
                                    .tag = tag_of(x, TagPlane::kResult, piece),
                                    .cause = Cause::kPayload,
                                    .round = x.id.ledger_round},
                                   mean);
  }
}

/// Adds up one piece of our shard and sends the mean on.
Async<Outcome<Done>> reduce_piece(Exchange& x, const Plan& plan, std::size_t p,
                                  Receives& contributions) {
  const Range range = plan.shards[plan.own][p];
  const auto count = static_cast<std::size_t>(range.size());
  auto memory = x.buffers.take(count * sizeof(float));
  const std::span<float> sum{reinterpret_cast<float*>(memory.get()), count};
  std::memset(sum.data(), 0, sum.size_bytes());
  for (std::size_t s = 0; s < plan.contributors.size(); ++s) {
    const float weight = plan.contributors[s].weight;
    if (s == plan.own) {
      add_own(x, weight, part(x.in, range), sum);
    } else {
      Outcome<Slice> arrived = co_await contributions[s][p];
      if (!arrived.ok()) co_return arrived.failure();
      x.codec.decode_add(arrived.value().bytes, weight, sum);
    }
    Pending<Done> added = x.worker.work(static_cast<Bytes>(sum.size_bytes()));
    co_await added;
  }
  const Slice mean = encode(x.result_codec, x.buffers, sum, memory);
  send_result(x, p, mean);
  take_mean(x, range, mean);
  co_return Done{};
}

Async<Outcome<Done>> reduce_own_shard(Exchange& x, const Plan& plan, Receives& contributions) {
  for (std::size_t p = 0; p < plan.shards[plan.own].size(); ++p) {
    Async<Outcome<Done>> reducing = reduce_piece(x, plan, p, contributions);
    Outcome<Done> reduced = co_await reducing;
    if (!reduced.ok()) co_return reduced;
  }
  co_return Done{};
}

Async<Outcome<Done>> take_results(Exchange& x, const Plan& plan, Receives& results) {
  for (std::size_t s = 0; s < results.size(); ++s) {
    for (std::size_t p = 0; p < results[s].size(); ++p) {
      Outcome<Slice> mean = co_await results[s][p];
      if (!mean.ok()) co_return mean.failure();
      const Range range = plan.shards[s][p];
      take_mean(x, range, mean.value());
      Pending<Done> decoded = x.worker.work(range.size() * static_cast<Bytes>(sizeof(float)));
      co_await decoded;
    }
  }
  co_return Done{};
}

}  // namespace

Async<Outcome<Done>> two_phase(Exchange& x) {
  const Plan plan(x);
  Receives contributions = post_receives(x, plan, TagPlane::kContribution, x.codec);
  Receives results = post_receives(x, plan, TagPlane::kResult, x.result_codec);
  Outcome<Done> outcome = Done{};
  if (plan.own != SIZE_MAX) {
    Async<Done> sending = send_contributions(x, plan);
    co_await sending;
    Async<Outcome<Done>> reducing = reduce_own_shard(x, plan, contributions);
    outcome = co_await reducing;
  }
  if (outcome.ok()) {
    Async<Outcome<Done>> taking = take_results(x, plan, results);
    outcome = co_await taking;
  }
  if (!outcome.ok()) give_up(x.transport, x.id);
  co_return outcome;
}

}  // namespace strait
