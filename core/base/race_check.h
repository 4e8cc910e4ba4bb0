// Tells the thread sanitizer that a whole span is read or written here, for loops that it does not
// follow access by access (simd.h). Without the sanitizer these are nothing.
#pragma once

#include <span>

#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
extern "C" void __tsan_read_range(void* memory, unsigned long bytes);   // NOLINT: its own names
extern "C" void __tsan_write_range(void* memory, unsigned long bytes);  // NOLINT
#endif

namespace strait {

template <class T>
void reads_all([[maybe_unused]] std::span<const T> memory) {
#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
  __tsan_read_range(const_cast<T*>(memory.data()), memory.size_bytes());
#endif
}

template <class T>
void writes_all([[maybe_unused]] std::span<T> memory) {
#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
  __tsan_write_range(memory.data(), memory.size_bytes());
#endif
}

}  // namespace strait
