#include "core/comm/inbox.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "core/base/check.h"
#include "core/comm/transport.h"

namespace strait {

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
  constexpr std::uint64_t kPooled = 16 * 1024;  // below that there are too many sizes
  auto known = memory_.lock();
  if (known == nullptr) {
    if (place != nullptr) {
      known = place;
    } else if (total_ >= kPooled) {
      known = pool.take(total_);
    } else {
      known.reset(new std::byte[total_], std::default_delete<std::byte[]>());
    }
    memory_ = known;
  }
  return known;
}

void IncomingMessage::keep_copy() {
  STRAIT_CHECK(complete(), "{} of {} bytes are here", received_, total_);
  if (parts_.size() == 1 && !memory_.expired()) return;  // it is there already
  std::vector<std::byte> whole(total_);
  for (const auto& [offset, part] : parts_) {
    std::copy(part.bytes.begin(), part.bytes.end(), whole.begin() + static_cast<long>(offset));
  }
  parts_.clear();
  parts_.emplace(0, make_message(std::move(whole)));
}

Slice IncomingMessage::take() {
  STRAIT_CHECK(complete(), "{} of {} bytes are here", received_, total_);
  if (parts_.size() != 1) keep_copy();
  return std::move(parts_.begin()->second);
}

}  // namespace strait
