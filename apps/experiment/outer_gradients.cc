#include "apps/experiment/outer_gradients.h"

#include <cmath>
#include <utility>

#include "core/base/check.h"

namespace strait {

namespace {

double dot(std::span<const float> a, std::span<const float> b) {
  STRAIT_CHECK(a.size() == b.size(), "outer gradients of {} and {} values", a.size(), b.size());
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * double{b[i]};
  return sum;
}

}  // namespace

void OuterGradients::contributed(const IslandRound& done, std::span<const float> outer_gradient) {
  const std::uint32_t round = done.boundary.round;
  OfRound all;
  {
    const std::lock_guard lock(mutex_);
    OfRound& waiting = waiting_[round];
    waiting[done.island].assign(outer_gradient.begin(), outer_gradient.end());
    if (waiting.size() < done.boundary.roster.contributors().size()) return;
    all = std::move(waiting);
    waiting_.erase(round);
  }
  measure(round, all);
}

void OuterGradients::measure(std::uint32_t round, const OfRound& all) {
  std::vector<OuterGradientRow> rows;
  std::map<IslandId, double> norms;
  for (const auto& [island, own] : all) norms[island] = std::sqrt(dot(own, own));
  for (auto a = all.begin(); a != all.end(); ++a) {
    for (auto b = a; b != all.end(); ++b) {
      const double lengths = norms[a->first] * norms[b->first];
      const double product = a == b || lengths == 0 ? lengths : dot(a->second, b->second);
      const double cosine = lengths > 0 ? product / lengths : 0;
      rows.push_back({round, a->first, b->first, cosine, norms[a->first]});
    }
  }
  const std::lock_guard lock(mutex_);
  rows_[round] = std::move(rows);
}

std::vector<OuterGradientRow> OuterGradients::take_rows() {
  for (const auto& [round, all] : std::exchange(waiting_, {})) measure(round, all);
  std::vector<OuterGradientRow> rows;
  for (const auto& [round, of_round] : std::exchange(rows_, {})) {
    rows.insert(rows.end(), of_round.begin(), of_round.end());
  }
  return rows;
}

}  // namespace strait
