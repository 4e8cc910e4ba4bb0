#include "core/comm/algorithms/algorithm.h"

#include <algorithm>
#include <array>

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
};

constexpr std::size_t kAlignment = 64;

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

std::shared_ptr<std::byte> BufferPool::take(std::size_t bytes) {
  const std::size_t needed = bytes + kAlignment;
  std::vector<std::byte> memory;
  const auto fits =
      std::find_if(free_->begin(), free_->end(), [&](const auto& m) { return m.size() == needed; });
  if (fits != free_->end()) {
    memory = std::move(*fits);
    *fits = std::move(free_->back());
    free_->pop_back();
  } else {
    memory.resize(needed);
  }
  const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
  std::byte* aligned = memory.data() + (kAlignment - address % kAlignment) % kAlignment;
  // The deleter owns the memory and gives it back to the list, which outlives the pool if need be.
  return {aligned, [list = free_, m = std::move(memory)](std::byte*) mutable {
            list->push_back(std::move(m));
          }};
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
