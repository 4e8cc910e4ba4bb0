// A network as configured, as tables for people: its links, and what each pair of islands is like.
#pragma once

#include <string>

#include "apps/show/view.h"

namespace strait {

/// Links with the same figures share a row: rate, delay, loss, and what changes them during a run.
std::string links_table(const NetworkView& view);

/// The traces that links follow: format, length, mean rate, and which links. Empty if there is
/// none.
std::string traces_table(const NetworkView& view);

/// Round trip, rate, bandwidth-delay product, loss and bottlenecks of each ordered pair. Pairs that
/// are alike share a row; where there are too many kinds, a row is the range from region to region,
/// or from an island to all others.
std::string pairs_table(const NetworkView& view);

}  // namespace strait
