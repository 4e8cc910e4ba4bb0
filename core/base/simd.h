// Kernels with twins: one loop, written once, compiled for plain x86-64, AVX2 and AVX-512.
//
// The compiler vectorizes the loops; -ffp-contract=off and the ban on re-ordering floating-point
// sums make the twins give the same bits, and tests compare them. So no loop is written in
// intrinsics, and a machine without AVX (or another architecture) runs the same program.
//
//   struct Add { STRAIT_KERNEL void run(const float* x, std::int64_t n, float* y) { ... } };
//   run_kernel<Add>(best_simd(), x, n, y);
//
// A kernel takes raw pointers and numbers and calls nothing that is not inlined. The files that
// hold kernels are built with -O3 -fno-math-errno in every optimized build (CMakeLists.txt beside
// them). The thread sanitizer does not follow their accesses, which would take 40 times as long:
// whoever calls a kernel on memory that threads share says what it touches (race_check.h).
#pragma once

#include <string_view>
#include <vector>

#if defined(__x86_64__)
#define STRAIT_TARGET_AVX2 __attribute__((target("avx2")))
#define STRAIT_TARGET_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#else
#define STRAIT_TARGET_AVX2
#define STRAIT_TARGET_AVX512
#endif

#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define STRAIT_UNFOLLOWED __attribute__((no_sanitize("thread")))
#else
#define STRAIT_UNFOLLOWED
#endif

/// In front of a kernel's `run`: its body has to land inside the twin that calls it.
#define STRAIT_KERNEL __attribute__((always_inline)) static inline

/// In front of a loop whose iterations do not touch each other's memory.
#if defined(__clang__)
#define STRAIT_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define STRAIT_INDEPENDENT _Pragma("GCC ivdep")
#endif

namespace strait {

/// kScalar is what the compiler makes of the plain loop for the architecture's base instructions.
enum class Simd { kScalar, kAvx2, kAvx512 };

/// The twins this processor can run, narrowest first.
inline std::vector<Simd> supported_simd() {
  std::vector<Simd> twins{Simd::kScalar};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) twins.push_back(Simd::kAvx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    twins.push_back(Simd::kAvx512);
  }
#endif
  return twins;
}

/// The widest of them, asked once.
inline Simd best_simd() {
  static const Simd best = supported_simd().back();
  return best;
}

inline std::string_view to_string(Simd simd) {
  switch (simd) {
    case Simd::kScalar: return "scalar";
    case Simd::kAvx2: return "avx2";
    case Simd::kAvx512: return "avx512";
  }
  return "?";
}

template <class Kernel, class... Args>
STRAIT_UNFOLLOWED auto run_scalar(Args... args) {
  return Kernel::run(args...);
}

template <class Kernel, class... Args>
STRAIT_UNFOLLOWED STRAIT_TARGET_AVX2 auto run_avx2(Args... args) {
  return Kernel::run(args...);
}

template <class Kernel, class... Args>
STRAIT_UNFOLLOWED STRAIT_TARGET_AVX512 auto run_avx512(Args... args) {
  return Kernel::run(args...);
}

template <class Kernel, class... Args>
auto run_kernel(Simd simd, Args... args) {
  switch (simd) {
    case Simd::kAvx2: return run_avx2<Kernel>(args...);
    case Simd::kAvx512: return run_avx512<Kernel>(args...);
    case Simd::kScalar: break;
  }
  return run_scalar<Kernel>(args...);
}

}  // namespace strait
