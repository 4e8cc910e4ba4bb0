#include "core/comm/algorithms/algorithm.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <tuple>
#include <utility>

#include "core/base/errors.h"
#include "core/base/finite.h"
#include "core/comm/algorithms/rows.h"

namespace strait {

namespace {

struct Row {
  std::string_view name;
  Algorithm run;
};

constexpr std::array kTable{
    Row{"two_phase", two_phase},
    Row{"gather", gather},
    Row{"ring", ring},
    Row{"star", star},
};

}  // namespace

Algorithm find_algorithm(std::string_view name) {
  std::string known;
  for (const Row& row : kTable) {
    if (row.name == name) return row.run;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw UserError("collective.algorithm: '" + std::string(name) +
                  "' is no algorithm; use one of: " + known);
}

std::vector<std::string_view> algorithm_names() {
  std::vector<std::string_view> names;
  for (const Row& row : kTable) names.push_back(row.name);
  return names;
}

Pending<Done> CodecWorker::work(Bytes bytes) {
  Promise<Done> promise(loop_);
  const Nanos cost = transfer_time(bytes, rate_);
  if (cost == Nanos{0}) {
    promise.complete(Done{});
    return promise.pending();
  }
  free_at_ = std::max(free_at_, loop_.now()) + cost;
  loop_.at(free_at_, [promise] { promise.complete(Done{}); });
  return promise.pending();
}

void give_up(Transport& transport, const ExchangeId& id) {
  for (const TagPlane plane : {TagPlane::kContribution, TagPlane::kResult}) {
    transport.cancel_below(after_exchange(
        {.plane = plane, .fragment = id.fragment, .round = id.number, .epoch = id.epoch}));
  }
}

Range shard_of(std::int64_t elements, std::int64_t s, std::int64_t count, std::int64_t align) {
  const std::int64_t even = (elements + count - 1) / count;
  const std::int64_t size = (even + align - 1) / align * align;
  return {std::min(s * size, elements), std::min((s + 1) * size, elements)};
}

std::vector<Range> pieces_of(Range whole, std::int64_t piece) {
  std::vector<Range> pieces;
  for (std::int64_t at = whole.begin; at < whole.end; at += piece) {
    pieces.push_back({at, std::min(at + piece, whole.end)});
  }
  return pieces;
}

std::vector<std::vector<Range>> even_shards(const Exchange& x, std::int64_t count) {
  const std::int64_t align = std::lcm(x.codec.block(), x.result_codec.block());
  std::vector<std::vector<Range>> shards;
  for (std::int64_t s = 0; s < count; ++s) {
    const auto elements = static_cast<std::int64_t>(x.out.size());
    shards.push_back(pieces_of(shard_of(elements, s, count, align), x.piece));
  }
  return shards;
}

std::size_t place_of(const std::vector<Roster::Member>& contributors, IslandId island) {
  for (std::size_t s = 0; s < contributors.size(); ++s) {
    if (contributors[s].island == island) return s;
  }
  return SIZE_MAX;
}

namespace {

Tag tag_of(const Exchange& x, TagPlane plane, std::size_t piece) {
  return make_tag({plane, x.id.fragment, x.id.number, x.id.epoch, piece});
}

Slice raw_piece(const Exchange& x, Range range) {
  return {std::as_bytes(part(x.in, range)), x.hold};
}

Transport::Outgoing outgoing(const Exchange& x, IslandId to, TagPlane plane, std::size_t piece) {
  return {.to = peer_of(to),
          .tag = tag_of(x, plane, piece),
          .cause = Cause::kPayload,
          .round = x.id.ledger_round};
}

}  // namespace

Outcome<Slice> OwnMessages::make(Slice raw) {
  const std::span<const float> values{reinterpret_cast<const float*>(raw.bytes.data()),
                                      raw.bytes.size() / sizeof(float)};
  if (!checks_ || all_finite(values)) return encode(codec_, buffers_, values, std::move(raw.hold));
  const std::size_t first = first_not_finite(in_);
  refused_ = {
      FailureKind::kMismatch,
      fmt::format("the contribution of island {} is not finite (first at element {}): it is "
                  "{} there, and one such value spoils the mean of all",
                  island_of(transport_.self()), first, in_[first])};
  give_up(transport_, id_);
  return *refused_;
}

Outcome<Slice> contribution(Exchange& x, Range range) { return x.own->make(raw_piece(x, range)); }

void send_contribution(Exchange& x, IslandId to, std::size_t piece, Range range) {
  std::ignore = x.transport.send(outgoing(x, to, TagPlane::kContribution, piece),
                                 raw_piece(x, range), x.codec.encoded_size(range.size()), x.own);
}

void send_piece(Exchange& x, IslandId to, TagPlane plane, std::size_t piece, Slice message) {
  std::ignore = x.transport.send(outgoing(x, to, plane, piece), std::move(message));
}

Arriving ask_for(Exchange& x, IslandId from, TagPlane plane, const std::vector<Range>& pieces,
                 const Codec& codec, Numbers numbers) {
  Arriving arriving;
  const bool in_place = x.in_place && plane == TagPlane::kResult;
  for (std::size_t p = 0; p < pieces.size(); ++p) {
    const Tag tag = tag_of(x, plane, numbers.first + p * numbers.step);
    std::shared_ptr<std::byte> place;
    if (in_place) place = {x.hold, std::as_writable_bytes(part(x.out, pieces[p])).data()};
    arriving.push_back(x.transport.receive(peer_of(from), tag, codec.encoded_size(pieces[p].size()),
                                           std::move(place)));
  }
  return arriving;
}

void Sum::add(const Codec& codec, std::span<const std::byte> contribution, float weight) {
  if (std::exchange(empty, false)) {
    codec.decode_scaled(contribution, weight, values);
  } else {
    codec.decode_add(contribution, weight, values);
  }
}

Sum take_sum(Exchange& x, Range range) {
  const auto count = static_cast<std::size_t>(range.size());
  auto memory = x.buffers.take(count * sizeof(float));
  const std::span<float> values{reinterpret_cast<float*>(memory.get()), count};
  return {.hold = std::move(memory), .values = values};
}

Sum take_sum_of_mean(Exchange& x, Range range) {
  if (!x.in_place) return take_sum(x, range);
  return {.hold = x.hold, .values = part(x.out, range)};
}

std::optional<Failure> add_own(Exchange& x, float weight, Range range, Sum& sum) {
  const Outcome<Slice> own = contribution(x, range);
  if (!own.ok()) return own.failure();
  sum.add(x.codec, own.value().bytes, weight);
  return std::nullopt;
}

void take_mean(const Exchange& x, Range range, const Slice& mean) {
  const std::span<float> out = part(x.out, range);
  if (mean.bytes.data() != std::as_bytes(out).data()) x.result_codec.decode(mean.bytes, out);
  if (x.keep) x.keep(range, x.result_codec, mean);
}

Slice encode(const Codec& codec, BufferPool& buffers, std::span<const float> values,
             std::shared_ptr<const void> hold) {
  const auto size =
      static_cast<std::size_t>(codec.encoded_size(static_cast<std::int64_t>(values.size())));
  if (codec.is_identity() && hold != nullptr) {
    return {std::as_bytes(values), std::move(hold)};
  }
  auto buffer = buffers.take(size);
  codec.encode(values, {buffer.get(), size});
  return {{buffer.get(), size}, buffer};
}

}  // namespace strait
