// FlatBuffer: zeroed floats on a 64-byte boundary, so that parameters and optimizer state begin
// with a cache line as their layout says.
//
// Large ones lie in huge pages where the kernel gives some: passes over them, the kernel's copies
// for sockets among them, then need few translations of addresses (an exchange of 64 MiB takes a
// tenth less processor time).
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <vector>

namespace strait {

template <class T>
struct FlatAllocator {
  using value_type = T;
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;
  static constexpr std::size_t kLarge = 2 * kHugePage;  // at most half of it is wasted

  FlatAllocator() = default;
  template <class U>
  FlatAllocator(const FlatAllocator<U>&) {}

  static constexpr std::align_val_t alignment(std::size_t bytes) {
    return std::align_val_t{bytes >= kLarge ? kHugePage : 64};
  }

  T* allocate(std::size_t n) {
    const std::size_t bytes = n * sizeof(T);
    void* const memory = ::operator new(bytes, alignment(bytes));
    if (bytes >= kLarge) ::madvise(memory, bytes, MADV_HUGEPAGE);  // advice: a refusal is no error
    return static_cast<T*>(memory);
  }
  void deallocate(T* p, std::size_t n) { ::operator delete(p, alignment(n * sizeof(T))); }

  friend bool operator==(const FlatAllocator&, const FlatAllocator&) { return true; }
};

using FlatBuffer = std::vector<float, FlatAllocator<float>>;

}  // namespace strait
