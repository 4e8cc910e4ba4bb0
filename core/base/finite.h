// Whether buffers hold infinity or NaN. The same answer with and without SIMD, at the speed of
// memory (tests/bench/math_bench.cc). Thread: any; the functions touch only their arguments.
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
