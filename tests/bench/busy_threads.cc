// Threads that do nothing but compute, for collective_bench.py: products of small fp32 matrices,
// all in the first-level cache.
//
//   busy_threads [THREADS 2]
//
// They end when standard input does. Then each prints a line
//
//   thread SECONDS SECONDS ...
//
// with the moments (CLOCK_MONOTONIC) at which another unit of work was done, some milliseconds
// apart, so that the reader knows how much was done in any span of time.
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>
#include <vector>

#include "core/base/wall_clock.h"

namespace strait {
namespace {

constexpr int kSide = 48;  // three matrices: 27 KiB
constexpr int kProductsInAUnit = 64;

struct Matrices {
  float a[kSide][kSide];
  float b[kSide][kSide];
  float c[kSide][kSide] = {};

  Matrices() {
    for (int i = 0; i < kSide; ++i) {
      for (int j = 0; j < kSide; ++j) {
        a[i][j] = 1.0f / static_cast<float>(1 + i + j);
        b[i][j] = 0.01f * static_cast<float>(i - j);
      }
    }
  }

  void add_product() {
    for (int i = 0; i < kSide; ++i) {
      for (int k = 0; k < kSide; ++k) {
        for (int j = 0; j < kSide; ++j) c[i][j] += a[i][k] * b[k][j];
      }
    }
  }
};

std::vector<Nanos> compute(const std::atomic<bool>& stop) {
  Matrices matrices;
  std::vector<Nanos> moments{monotonic_now()};
  while (!stop) {
    for (int i = 0; i < kProductsInAUnit; ++i) matrices.add_product();
    volatile float kept = matrices.c[1][2];  // or the compiler would compute nothing
    (void)kept;
    moments.push_back(monotonic_now());
  }
  return moments;
}

int run(int threads) {
  std::atomic<bool> stop = false;
  std::vector<std::vector<Nanos>> moments(static_cast<std::size_t>(threads));
  std::vector<std::jthread> running;
  for (auto& of_thread : moments) running.emplace_back([&] { of_thread = compute(stop); });
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  stop = true;
  running.clear();  // waits for their ends
  for (const auto& of_thread : moments) {
    fmt::print("thread");
    for (const Nanos moment : of_thread) fmt::print(" {:.6f}", seconds(moment));
    fmt::print("\n");
  }
  return 0;
}

}  // namespace
}  // namespace strait

int main(int argc, char** argv) { return strait::run(argc > 1 ? std::atoi(argv[1]) : 2); }
