// FlatBuffer: zeroed floats on a 64-byte boundary, so that parameters and optimizer state begin
// with a cache line as their layout says.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace strait {

template <class T>
struct CacheLineAllocator {
  using value_type = T;
  static constexpr std::align_val_t kAlignment{64};

  CacheLineAllocator() = default;
  template <class U>
  CacheLineAllocator(const CacheLineAllocator<U>&) {}

  T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), kAlignment)); }
  void deallocate(T* p, std::size_t) { ::operator delete(p, kAlignment); }

  friend bool operator==(const CacheLineAllocator&, const CacheLineAllocator&) { return true; }
};

using FlatBuffer = std::vector<float, CacheLineAllocator<float>>;

}  // namespace strait
