#include "core/comm/inbox.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/base/check.h"

namespace strait {
namespace {

std::shared_ptr<std::byte> room_for(std::uint64_t bytes, BufferPool& pool) {
  constexpr std::uint64_t kPooled = 16 * 1024;  // below that there are too many sizes
  if (bytes >= kPooled) return pool.take(bytes);
  return {new std::byte[bytes], std::default_delete<std::byte[]>()};
}

}  // namespace

bool IncomingMessage::add(std::uint64_t offset, Slice part) {
  const std::uint64_t end = offset + part.bytes.size();
  if (end > total_ || complete()) return false;
  const auto after = parts_.lower_bound(offset);
  if (after != parts_.end() && after->first < end) return false;
  begun_ = true;
  if (after != parts_.begin()) {
    auto& [start, before] = *std::prev(after);
    const std::uint64_t its_end = start + before.bytes.size();
    if (its_end > offset) return false;
    // Neighbours in the sender's memory: one slice, nothing to copy.
    if (its_end == offset && before.hold == part.hold &&
        before.bytes.data() + before.bytes.size() == part.bytes.data()) {
      before.bytes = {before.bytes.data(), before.bytes.size() + part.bytes.size()};
      received_ += part.bytes.size();
      return true;
    }
  }
  received_ += part.bytes.size();
  parts_.emplace_hint(after, offset, std::move(part));
  return true;
}

std::shared_ptr<std::byte> IncomingMessage::memory(BufferPool& pool,
                                                   const std::shared_ptr<std::byte>& place) {
  auto known = memory_.lock();
  if (known == nullptr) {
    known = place != nullptr ? place : room_for(total_, pool);
    memory_ = known;
  }
  return known;
}

void IncomingMessage::keep_copy(BufferPool& pool) {
  STRAIT_CHECK(complete(), "{} of {} bytes are here", received_, total_);
  if (parts_.size() == 1 && !memory_.expired()) return;  // it is there already
  const auto whole = room_for(total_, pool);
  for (const auto& [offset, part] : parts_) {
    std::copy(part.bytes.begin(), part.bytes.end(), whole.get() + offset);
  }
  parts_.clear();
  parts_.emplace(0, Slice{{whole.get(), total_}, whole});
}

Slice IncomingMessage::take(BufferPool& pool) {
  STRAIT_CHECK(complete(), "{} of {} bytes are here", received_, total_);
  if (parts_.size() != 1) keep_copy(pool);
  return std::move(parts_.begin()->second);
}

}  // namespace strait
