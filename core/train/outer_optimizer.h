// The makers behind make_outer_optimizer's table.
#pragma once

#include "core/train/optimizer.h"

namespace strait {

std::unique_ptr<OuterOptimizer> make_nesterov(const OuterOptions& options, std::int64_t size,
                                              Simd simd);
std::unique_ptr<OuterOptimizer> make_heavy_ball(const OuterOptions& options, std::int64_t size,
                                                Simd simd);
std::unique_ptr<OuterOptimizer> make_outer_sgd(const OuterOptions& options, std::int64_t size,
                                               Simd simd);

}  // namespace strait
