// PoolAllocator: a standard allocator for the many small things that the loop makes and drops:
// promises, coroutine frames, messages on their way.
//
// malloc keeps seven free blocks of a size close at hand and merges and splits the others. A round
// of 64 islands makes 8,000 messages before it drops the first, so there malloc took a third of the
// loop's time (tests/bench/many_islands_bench.cc). Here a size (a multiple of 16 up to kLargest)
// has a list of free blocks per thread: taking and giving back are a few instructions. Larger ones
// go to operator new.
//
// Blocks are cut from slabs and never returned to the system, so this is for what comes again and
// again. A block may be given back on another thread, which then keeps it; the loop's things stay
// on the loop's thread. With address sanitizer every block is one of operator new, so that mistakes
// show.
#pragma once

#include <array>
#include <cstddef>
#include <new>

namespace strait {

class Pool {
 public:
  static constexpr std::size_t kLargest = 4096;

  static void* take(std::size_t bytes) {
    if (!kPooled || bytes > kLargest) return ::operator new(bytes);
    Free*& list = lists_[list_of(bytes)];
    if (list == nullptr) list = cut_slab(block_size(bytes));
    Free* const taken = list;
    list = taken->next;
    return taken;
  }

  static void give(void* block, std::size_t bytes) noexcept {
    if (!kPooled || bytes > kLargest) return ::operator delete(block);
    Free*& list = lists_[list_of(bytes)];
    list = ::new (block) Free{list};
  }

 private:
  struct Free {
    Free* next;
  };

#if defined(__SANITIZE_ADDRESS__)
  static constexpr bool kPooled = false;
#else
  static constexpr bool kPooled = true;
#endif
  static constexpr std::size_t kStep = 16;
  static constexpr std::size_t kBlocksPerSlab = 32;

  static std::size_t list_of(std::size_t bytes) { return (bytes + kStep - 1) / kStep; }
  static std::size_t block_size(std::size_t bytes) {
    return bytes == 0 ? kStep : list_of(bytes) * kStep;
  }

  static Free* cut_slab(std::size_t size) {
    auto* const slab = static_cast<std::byte*>(::operator new(size* kBlocksPerSlab));
    Free* list = nullptr;
    for (std::size_t i = kBlocksPerSlab; i-- > 0;) list = ::new (slab + i * size) Free{list};
    return list;
  }

  // Never destroyed: whoever is destroyed last may still give something back.
  static constinit thread_local inline std::array<Free*, kLargest / kStep + 1> lists_{};
};

template <class T>
class PoolAllocator {
 public:
  using value_type = T;

  PoolAllocator() = default;
  template <class U>
  PoolAllocator(const PoolAllocator<U>&) noexcept {}  // NOLINT: implicit, as allocators are

  T* allocate(std::size_t n) {
    static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
    return static_cast<T*>(Pool::take(n * sizeof(T)));
  }
  void deallocate(T* p, std::size_t n) noexcept { Pool::give(p, n * sizeof(T)); }

  template <class U>
  friend bool operator==(const PoolAllocator&, const PoolAllocator<U>&) {
    return true;
  }
};

}  // namespace strait
