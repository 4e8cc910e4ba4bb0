// BufferPool: buffers that are lent again and again, so that an exchange per step faults no new
// pages, and what was just given back, which is still in the cache, is lent first.
//
// Thread: the loop's.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace strait {

/// A buffer comes back when its last slice is gone, also after the pool.
class BufferPool {
 public:
  BufferPool() : free_(std::make_shared<std::vector<std::vector<std::byte>>>()) {}

  /// Memory of `bytes` bytes with undefined contents, 64-byte aligned.
  std::shared_ptr<std::byte> take(std::size_t bytes);

 private:
  std::shared_ptr<std::vector<std::vector<std::byte>>> free_;
};

}  // namespace strait
