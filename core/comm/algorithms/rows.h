// The rows of the table of algorithms; each has a file of its own name.
#pragma once

#include "core/comm/algorithms/algorithm.h"

namespace strait {

Async<Outcome<Done>> two_phase(Exchange& exchange);
Async<Outcome<Done>> gather(Exchange& exchange);
Async<Outcome<Done>> ring(Exchange& exchange);
Async<Outcome<Done>> star(Exchange& exchange);

}  // namespace strait
