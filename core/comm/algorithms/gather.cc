// gather: everyone sends its whole contribution to everyone, and everyone adds them up.
//
// For S encoded bytes and k islands, each island sends (k-1) S in one latency term, with one
// quantization (no second, lossy step for the mean). For two or three islands, and for codecs whose
// bytes cannot be added. k (k-1) flows. Memory beside `in` and `out`: S (none with fp32), plus what
// arrives early.

#include "core/comm/algorithms/rows.h"

namespace strait {

namespace {

using Own = std::vector<Slice>;  // our encoded pieces

Async<Outcome<Own>> send_own(Exchange& x, const std::vector<Range>& pieces) {
  Own own;
  for (std::size_t p = 0; p < pieces.size(); ++p) {
    if (!x.codec.is_identity()) {
      Pending<Done> worked = x.worker.work(pieces[p].size() * static_cast<Bytes>(sizeof(float)));
      co_await worked;
    }
    Outcome<Slice> encoded = contribution(x, pieces[p]);
    if (!encoded.ok()) co_return encoded.failure();
    own.push_back(std::move(encoded).value());
    for (const auto& member : x.roster.members) {
      if (member.island == x.self) continue;
      send_piece(x, member.island, TagPlane::kContribution, p, own.back());
    }
  }
  co_return own;
}

/// Posts all receives, sends, and adds up as the pieces come.
Async<Outcome<Done>> gather_all(Exchange& x) {
  const auto contributors = x.roster.contributors();
  const auto pieces = pieces_of({0, static_cast<std::int64_t>(x.out.size())}, x.piece);
  std::vector<Arriving> arriving(contributors.size());
  for (std::size_t s = 0; s < contributors.size(); ++s) {
    if (contributors[s].island == x.self) continue;
    arriving[s] = ask_for(x, contributors[s].island, TagPlane::kContribution, pieces, x.codec);
  }
  Own own;
  if (x.roster.weight_of(x.self) > 0) {
    Async<Outcome<Own>> sending = send_own(x, pieces);
    Outcome<Own> sent = co_await sending;
    if (!sent.ok()) co_return sent.failure();
    own = std::move(sent).value();
  }
  for (std::size_t p = 0; p < pieces.size(); ++p) {
    Sum sum{.hold = nullptr, .values = part(x.out, pieces[p])};
    for (std::size_t s = 0; s < contributors.size(); ++s) {
      if (contributors[s].island == x.self) {
        sum.add(x.codec, own[p].bytes, contributors[s].weight);
      } else {
        Outcome<Slice> arrived = co_await arriving[s][p];
        if (!arrived.ok()) co_return arrived.failure();
        sum.add(x.codec, arrived.value().bytes, contributors[s].weight);
      }
      Pending<Done> added = x.worker.work(static_cast<Bytes>(sum.values.size_bytes()));
      co_await added;
    }
    // The mean was never encoded: what is kept is a copy.
    if (!x.keep) continue;
    x.keep(pieces[p], x.exact_codec, encode(x.exact_codec, x.buffers, sum.values, nullptr));
  }
  co_return Done{};
}

}  // namespace

Async<Outcome<Done>> gather(Exchange& x) {
  Async<Outcome<Done>> running = gather_all(x);
  Outcome<Done> outcome = co_await running;
  if (!outcome.ok()) give_up(x.transport, x.id);
  co_return outcome;
}

}  // namespace strait
