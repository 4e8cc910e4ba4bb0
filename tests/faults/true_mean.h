// The mean of a round as every island has to get it, to the bit, computed in one place from what
// the members contribute (trivial_model.h): docs/ARCHITECTURE.md, "Bits".
//
// Values only, any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "core/comm/collective.h"
#include "core/comm/transport_collective.h"

namespace strait {

std::vector<float> true_mean(const CollectiveOptions& options, std::uint32_t round,
                             const Roster& roster, std::size_t elements);

}  // namespace strait
