// Strait's own random generator: the C++ standard fixes engines but not distributions, and a trace
// or a batch order must not depend on the library.
//
// xoshiro256** (Blackman and Vigna, 2018), seeded by splitmix64. Generators are keyed by name and
// index, so that one more island or link changes no other draw.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace strait {

class Rng {
 public:
  /// `purpose` and `index` choose an independent sequence of the run's `seed`.
  Rng(std::uint64_t seed, std::string_view purpose, std::uint64_t index = 0);

  std::uint64_t next();

  /// Uniform in [0, n), without bias. n > 0.
  std::uint64_t below(std::uint64_t n);

  /// Uniform in [0, 1) with 53 bits; exact on every host.
  double uniform();

  /// Standard normal (Marsaglia's polar method). Uses libm's log, so for initial values of
  /// parameters only, never for anything that reaches the virtual clock.
  double normal();

 private:
  std::array<std::uint64_t, 4> state_;
  double spare_ = 0;
  bool has_spare_ = false;
};

/// A permutation of 0..n-1 (Fisher-Yates).
std::vector<std::uint32_t> permutation(std::uint32_t n, Rng& rng);

}  // namespace strait
