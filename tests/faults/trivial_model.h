// What the islands of a simulation train: arithmetic that anybody can do again. A contribution is a
// function of (island, round), the outer step a recurrence, so the truth of every round is known
// from who took part in it.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/ids.h"
#include "core/comm/catch_up.h"

namespace strait {

/// Small multiples of 1/8, other ones in each round and on each island.
inline void contribute(IslandId island, std::uint32_t round, std::span<float> out) {
  auto value = static_cast<std::uint32_t>(island) * 40503u + round * 2654435761u;
  for (float& x : out) {
    value = value * 1664525u + 1013904223u;
    x = static_cast<float>(static_cast<std::int32_t>(value >> 24) - 128) / 8;
  }
}

/// The bits of a buffer.
inline std::uint64_t hash_of(std::span<const float> values, std::uint64_t hash = 0x9e3779b9) {
  for (const float x : values) {
    hash = (hash ^ std::bit_cast<std::uint32_t>(x)) * 0x100000001b3u;
    hash ^= hash >> 29;
  }
  return hash;
}

struct TrivialModel {
  explicit TrivialModel(std::size_t elements) : shared(elements, 1), momentum(elements, 0) {}

  void step(std::span<const float> mean) {
    for (std::size_t n = 0; n < shared.size(); ++n) {
      momentum[n] = momentum[n] / 2 + mean[n];
      shared[n] -= momentum[n];
    }
    ++round;
  }

  std::uint64_t hash() const { return hash_of(momentum, hash_of(shared)); }
  SharedState copy() const { return {{shared, momentum}}; }

  std::vector<float> shared;
  std::vector<float> momentum;
  std::uint32_t round = 0;
};

}  // namespace strait
