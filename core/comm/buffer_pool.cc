#include "core/comm/buffer_pool.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace strait {

namespace {

constexpr std::size_t kAlignment = 64;

}  // namespace

std::shared_ptr<std::byte> BufferPool::take(std::size_t bytes) {
  const std::size_t needed = bytes + kAlignment;
  std::vector<std::byte> memory;
  const auto fits = std::find_if(free_->rbegin(), free_->rend(),
                                 [&](const auto& m) { return m.size() == needed; });
  if (fits != free_->rend()) {
    memory = std::move(*fits);
    free_->erase(std::next(fits).base());
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

}  // namespace strait
