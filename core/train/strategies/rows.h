// The rows of the table of strategies; each has a file of its own name.
#pragma once

#include <memory>

#include "core/train/optimizer.h"
#include "core/train/strategy.h"

namespace strait {

std::unique_ptr<Strategy> make_diloco(const StrategyPorts& ports, const OuterOptions& outer);
std::unique_ptr<Strategy> make_data_parallel(const StrategyPorts& ports, const OuterOptions& outer);
std::unique_ptr<Strategy> make_elastic_data_parallel(const StrategyPorts& ports);
std::unique_ptr<Strategy> make_local(const StrategyPorts& ports, const OuterOptions& outer);

}  // namespace strait
