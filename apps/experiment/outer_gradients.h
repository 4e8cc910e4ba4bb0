// OuterGradients: how long the islands' outer gradients are, and how much they agree. DiLoCo (arXiv
// 2311.08105, figures 10 and 11) looks at the cosines between them.
//
// Each island has its own, so they meet here, in memory and real time only. Thread: islands call
// contributed(), several at once; the rest when the arm is over.
#pragma once

#include <map>
#include <mutex>
#include <span>
#include <vector>

#include "core/train/island.h"

namespace strait {

struct OuterGradientRow {
  std::uint32_t round = 0;
  IslandId island = 0, other = 0;  // island <= other
  double cosine = 1;               // between the two
  double norm = 0;                 // of `island`'s
};

class OuterGradients {
 public:
  /// Keeps a copy until all contributors of its round are there.
  void contributed(const IslandRound& round, std::span<const float> outer_gradient);

  /// Of all rounds, in order; those that not all contributors have told, with who has.
  std::vector<OuterGradientRow> take_rows();

 private:
  using OfRound = std::map<IslandId, std::vector<float>>;

  void measure(std::uint32_t round, const OfRound& all);

  std::mutex mutex_;
  std::map<std::uint32_t, OfRound> waiting_;
  std::map<std::uint32_t, std::vector<OuterGradientRow>> rows_;
};

}  // namespace strait
