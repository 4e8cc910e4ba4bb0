// Which pairs of islands are alike, and how to call many of them in a few words.
//
// Pure functions; any thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "apps/show/view.h"

namespace strait {

using IslandPair = std::pair<IslandId, IslandId>;  // from, to

/// Pairs with the same figures, from one region to one region only, so that their ends have a name.
struct PairKind {
  PairFigures figures;
  std::vector<IslandPair> pairs;
};

/// All ordered pairs, by kind; in the order of regions and figures.
std::vector<PairKind> pair_kinds(const NetworkView& view);

/// From whom and to whom these pairs are; the second is empty where the first names pairs.
std::pair<std::string, std::string> ends_of(const NetworkView& view,
                                            const std::vector<IslandPair>& pairs);

/// "0, 1, 2 and 5 more".
std::string some_of(const std::vector<std::string>& names);

template <class F>
void for_each_pair(const NetworkView& view, F f) {
  for (IslandId from = 0; from < view.count(); ++from) {
    for (IslandId to = 0; to < view.count(); ++to) {
      if (from != to) f(from, to, view.pair(from, to));
    }
  }
}

}  // namespace strait
