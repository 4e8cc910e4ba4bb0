#include "core/comm/algorithms/algorithm.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <tuple>

#include "core/base/errors.h"
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

}  // namespace

void send_piece(Exchange& x, IslandId to, TagPlane plane, std::size_t piece, Slice message) {
  std::ignore = x.transport.send({.to = peer_of(to),
                                  .tag = tag_of(x, plane, piece),
                                  .cause = Cause::kPayload,
                                  .round = x.id.ledger_round},
                                 std::move(message));
}

Arriving ask_for(Exchange& x, IslandId from, TagPlane plane, const std::vector<Range>& pieces,
                 const Codec& codec, Numbers numbers) {
  Arriving arriving;
  for (std::size_t p = 0; p < pieces.size(); ++p) {
    const Tag tag = tag_of(x, plane, numbers.first + p * numbers.step);
    arriving.push_back(
        x.transport.receive(peer_of(from), tag, codec.encoded_size(pieces[p].size())));
  }
  return arriving;
}

void add_own(Exchange& x, float weight, Range range, std::span<float> sum) {
  const Slice encoded = encode(x.codec, x.buffers, part(x.in, range), x.hold);
  x.codec.decode_add(encoded.bytes, weight, sum);
}

Sum take_sum(Exchange& x, Range range) {
  const auto count = static_cast<std::size_t>(range.size());
  auto memory = x.buffers.take(count * sizeof(float));
  const std::span<float> values{reinterpret_cast<float*>(memory.get()), count};
  std::memset(values.data(), 0, values.size_bytes());
  return {std::move(memory), values};
}

void take_mean(const Exchange& x, Range range, const Slice& mean) {
  x.result_codec.decode(mean.bytes, part(x.out, range));
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
