// The seed of randomized tests: given with --rng-seed, and to be printed with every failure.
#pragma once

#include <cstdint>

#include "tests/support/catch.h"

namespace strait {

inline std::uint64_t test_seed() {
#if __has_include(<catch2/catch_all.hpp>)
  return Catch::getSeed();
#else
  return Catch::rngSeed();
#endif
}

}  // namespace strait
