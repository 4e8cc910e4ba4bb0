// One exchange in a world of its own, and what it has to give: Case, run(), promised_mean().
#pragma once

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "core/base/rng.h"
#include "tests/conformance/networks.h"
#include "tests/support/floats.h"
#include "tests/support/test_world.h"

namespace strait {

struct Case {
  NetworkRow network;
  std::string algorithm;
  std::string codec;
  int islands = 2;
  std::size_t size = 0;
  std::string result_codec = {};  // empty: like the contributions
  Bytes piece_bytes = 16 * 1024;  // several pieces already for small sizes
  Bytes eager_limit = 1 << 20;
  int connections = 1;
  bool real_time = false;
  bool keep = false;  // through exchange() with its hold, as Rounds does, keeping the means

  std::string name() const {
    return network.name + (real_time ? ", real time, " : ", ") + algorithm + ", " + codec +
           (result_codec.empty() ? "" : " and back in " + result_codec) +
           ", k=" + std::to_string(islands) + ", n=" + std::to_string(size);
  }
};

using Buffers = std::vector<std::vector<float>>;  // by island

/// Values between -1 and 1.
inline Buffers contributions(const Case& c) {
  Buffers all;
  for (int island = 0; island < c.islands; ++island) {
    Rng rng(11, "contribution", static_cast<std::uint64_t>(island));
    std::vector<float> values(c.size);
    for (auto& v : values) v = static_cast<float>(2 * rng.uniform() - 1);
    all.push_back(std::move(values));
  }
  return all;
}

struct KeptPiece {
  Range range;
  const Codec* codec;
  Slice bytes;
};

struct Result {
  Buffers out;
  bool in_unchanged = true;
  std::vector<std::string> failures;  // empty if all completed
  std::vector<bool> kept_all;         // by island: the pieces are all of `out`, once, bit by bit
  Bytes payload = 0;
  std::vector<Bytes> sent;  // payload, by island
  std::uint64_t trace = 0;
};

/// Whether the pieces cover `out` without overlap and decode to its bits.
inline bool make_up(const std::vector<KeptPiece>& pieces, const std::vector<float>& out) {
  std::vector<int> times(out.size());
  std::vector<float> decoded(out.size());
  for (const KeptPiece& piece : pieces) {
    for (auto e = piece.range.begin; e < piece.range.end; ++e) ++times[static_cast<std::size_t>(e)];
    piece.codec->decode(piece.bytes.bytes, part(std::span(decoded), piece.range));
  }
  return std::count(times.begin(), times.end(), 1) == static_cast<std::ptrdiff_t>(out.size()) &&
         same_bits(decoded, out);
}

/// exchange() on the loop, from an island's thread.
inline Ticket<Outcome<Done>> start_on_loop(TestWorld::Ports& ports, Scope& scope,
                                           ExchangeParts parts) {
  const Completer<Outcome<Done>> done(ports.clock, "exchange");
  const auto drive = [](TransportCollective& collective, ExchangeParts p,
                        Completer<Outcome<Done>> completer) -> Async<Done> {
    Async<Outcome<Done>> running = collective.exchange(std::move(p));
    Outcome<Done> outcome = co_await running;
    completer.complete(std::move(outcome));
    co_return Done{};
  };
  ports.clock.post([&scope, &collective = ports.collective, drive, parts = std::move(parts), done] {
    scope.spawn(drive(collective, parts, done));
  });
  return done.ticket();
}

inline TestWorldOptions world_options(const Case& c) {
  TestWorldOptions options{.islands = c.islands,
                           .eager_limit = c.eager_limit,
                           .connections = c.connections,
                           .real_time = c.real_time || c.network.real,
                           .network = c.network.make};
  options.collective.algorithm = c.algorithm;
  options.collective.codec = c.codec;
  options.collective.result_codec = c.result_codec;
  options.collective.piece_bytes = c.piece_bytes;
  return options;
}

inline Result run(const Case& c, const Roster& roster) {
  TestWorld world(world_options(c));
  const auto k = static_cast<std::size_t>(c.islands);
  const auto in = std::make_shared<Buffers>(contributions(c));
  const Buffers before = *in;
  Buffers out(k, std::vector<float>(c.size, -7.0f));
  std::vector<std::vector<KeptPiece>> kept(k);
  std::vector<std::string> failures(k);
  Scope scope;
  world.run([&](IslandId i, TestWorld::Ports& ports) {
    const auto n = static_cast<std::size_t>(i);
    const ExchangeId id{.number = 1, .ledger_round = 1};
    const auto keep = [&kept, n](Range range, const Codec& codec, const Slice& bytes) {
      kept[n].push_back({range, &codec, bytes});
    };
    auto ticket = c.keep ? start_on_loop(ports, scope,
                                         {.id = id,
                                          .in = (*in)[n],
                                          .hold = in,
                                          .out = out[n],
                                          .roster = roster,
                                          .keep = keep})
                         : ports.collective.start(id, (*in)[n], out[n], roster);
    const Outcome<Done> done = ticket.wait();
    if (!done.ok()) failures[n] = done.failure().what;
  });
  Result result{.out = out, .sent = std::vector<Bytes>(k)};
  result.in_unchanged = *in == before;
  std::copy_if(failures.begin(), failures.end(), std::back_inserter(result.failures),
               [](const std::string& why) { return !why.empty(); });
  // What is kept is in memory of its own.
  for (std::size_t n = 0; c.keep && n < k; ++n) {
    std::fill((*in)[n].begin(), (*in)[n].end(), 5.0f);
    std::fill(out[n].begin(), out[n].end(), 5.0f);
  }
  for (std::size_t n = 0; c.keep && n < k; ++n) {
    result.kept_all.push_back(make_up(kept[n], result.out[n]));
  }
  for (const Ledger::Row& row : world.ledger.rows()) {
    if (row.cause != Cause::kPayload) continue;
    result.payload += row.bytes;
    result.sent[static_cast<std::size_t>(island_of(row.from))] += row.bytes;
  }
  result.trace = world.trace.hash();
  return result;
}

/// What a value becomes that travels in this codec. `values` begin at a block's boundary.
inline std::vector<float> as_decoded(const Codec& codec, std::span<const float> values) {
  const auto n = static_cast<std::int64_t>(values.size());
  std::vector<std::byte> bytes(static_cast<std::size_t>(codec.encoded_size(n)));
  codec.encode(values, bytes);
  std::vector<float> decoded(values.size());
  codec.decode(bytes, decoded);
  return decoded;
}

inline void add(float weight, std::span<const float> values, std::span<float> sum) {
  for (std::size_t e = 0; e < sum.size(); ++e) sum[e] += weight * values[e];
}

/// The contributions of places first, first + 1, ... around the list, added one after the other;
/// `between`, if there is one, is what a sum travels in from the second on.
inline std::vector<float> added_from(std::size_t first, Range range, const Roster& roster,
                                     const Buffers& in, const Codec& codec, const Codec* between) {
  const auto members = roster.contributors();
  std::vector<float> sum(static_cast<std::size_t>(range.size()));
  for (std::size_t j = 0; j < members.size(); ++j) {
    const auto& member = members[(first + j) % members.size()];
    const std::span<const float> values(in[static_cast<std::size_t>(member.island)]);
    if (between != nullptr && j > 1) sum = as_decoded(*between, sum);
    add(member.weight, as_decoded(codec, part(values, range)), sum);
  }
  return sum;
}

/// The mean that the algorithm promises, to the bit: as the documents say it, all at once.
inline std::vector<float> promised_mean(const Case& c, const Roster& roster, const Buffers& in) {
  const auto codec = make_codec(c.codec);
  const auto result_codec = make_codec(c.result_codec.empty() ? c.codec : c.result_codec);
  const auto n = static_cast<std::int64_t>(c.size);
  if (c.algorithm == "gather") return added_from(0, {0, n}, roster, in, *codec, nullptr);
  if (c.algorithm != "ring") {
    return as_decoded(*result_codec, added_from(0, {0, n}, roster, in, *codec, nullptr));
  }
  std::vector<float> mean;
  const auto k = static_cast<std::int64_t>(roster.contributors().size());
  const std::int64_t align = std::lcm(codec->block(), result_codec->block());
  for (std::int64_t s = 0; s < k; ++s) {
    const auto sum = added_from(static_cast<std::size_t>(s), shard_of(n, s, k, align), roster, in,
                                *codec, codec.get());
    const auto shard = as_decoded(*result_codec, sum);
    mean.insert(mean.end(), shard.begin(), shard.end());
  }
  return mean;
}

}  // namespace strait
