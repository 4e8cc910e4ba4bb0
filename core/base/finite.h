// Whether buffers hold infinity or NaN. The same answer with and without SIMD. Thread: any; the
// functions touch only their arguments.
//
// all_finite reads at memcpy's speed (0.9-1.1 of its traffic, 0.3-0.4 ns per value in large buffers
// with AVX2 or AVX-512, 1 ns without: math_bench), so it costs half of one copy of the buffer.
#pragma once

#include <cstddef>
#include <span>

#include "core/base/simd.h"

namespace strait {

bool all_finite(std::span<const float> values, Simd simd = best_simd());

/// Where the first value stands that is not finite; values.size() if all are. Value by value: for
/// messages.
std::size_t first_not_finite(std::span<const float> values);

}  // namespace strait
