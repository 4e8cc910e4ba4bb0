// Arithmetic over flat fp32 buffers. Every function gives the same bits with and without SIMD.
// Thread: any; the functions touch only their arguments.
#pragma once

#include <cstdint>
#include <span>

#include "core/base/finite.h"  // all_finite
#include "core/base/simd.h"

namespace strait {

/// out = shared - local: where this island went since the last outer step, as a gradient (old minus
/// new, so that a descending optimizer moves the shared parameters towards the island's). `out` may
/// be one of the two.
void outer_gradient(std::span<const float> shared, std::span<const float> local,
                    std::span<float> out, Simd simd = best_simd());

/// L2 norm: squares exact in double, summed in the order of core/train/lane_sum.h. Not finite
/// exactly when a value is not.
double l2_norm(std::span<const float> values, Simd simd = best_simd());

/// Whether both are of one length and the same to the bit, NaN included.
bool equal_bits(std::span<const float> a, std::span<const float> b);

/// XXH3 of the bytes: equal buffers, equal hash (0.0 and -0.0 differ).
std::uint64_t hash_floats(std::span<const float> values);

}  // namespace strait
