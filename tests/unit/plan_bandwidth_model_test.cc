// The papers' tables, rebuilt: each cell within one step of the grid that they are printed on.
#include <cmath>

#include "core/plan/published.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

/// The place in the grid; one past its end for what the grid does not reach.
int grid_index(std::optional<double> gbit_per_s) {
  const auto& grid = bandwidth_grid();
  if (!gbit_per_s) return static_cast<int>(grid.size());
  int nearest = 0;
  const auto distance = [&](int i) {
    return std::abs(std::log(grid[static_cast<std::size_t>(i)] / *gbit_per_s));
  };
  for (int i = 1; i < static_cast<int>(grid.size()); ++i) {
    if (distance(i) < distance(nearest)) nearest = i;
  }
  return nearest;
}

struct Hits {
  int cells = 0;
  int near = 0;   // within one step of the grid
  int exact = 0;  // the same rate
};

Hits compare(const PublishedTable& table) {
  Hits hits;
  for (const PublishedRow& row : table.rows) {
    for (std::size_t u = 0; u < kUtilizations.size(); ++u) {
      const auto needed = needed_gbit_per_s(row.trained, row.exchanges, kUtilizations[u]);
      const int steps = grid_index(needed) - grid_index(row.gbit_per_s[u]);
      ++hits.cells;
      hits.near += std::abs(steps) <= 1;
      hits.exact += steps == 0;
    }
  }
  return hits;
}

TEST_CASE("the table of Streaming DiLoCo is rebuilt within its resolution", "[plan]") {
  const Hits hits = compare(streaming_table());
  CHECK(hits.cells == 75);
  CHECK(hits.near >= 73);
  CHECK(hits.exact >= 45);
}

TEST_CASE("the table of the scaling laws is rebuilt within its resolution", "[plan]") {
  const Hits hits = compare(scaling_table());
  CHECK(hits.cells == 60);
  CHECK(hits.near == 60);
  CHECK(hits.exact >= 30);
}

TEST_CASE("INTELLECT-1's shares of computing follow from its exchanges", "[plan]") {
  for (const PublishedDeployment& d : intellect_1()) {
    CAPTURE(d.name);
    CHECK(std::abs(100 * compute_share(d.compute_s, d.exchange_s) - d.share_pct) < 0.3);
  }
}

TEST_CASE("the grid has 50 rates from 0.1 to 1000 Gbit/s, a factor of 1.207 apart", "[plan]") {
  const auto& grid = bandwidth_grid();
  REQUIRE(grid.size() == 50);
  CHECK(grid.front() == Approx(0.1));
  CHECK(grid.back() == Approx(1000));
  for (std::size_t i = 1; i < grid.size(); ++i) CHECK(grid[i] / grid[i - 1] == Approx(1.2068));
}

// By hand. An exchange of all layers takes 0.8 x 1e9 x 16 bit / 12.8 Gbit/s = 1 s; its parts follow
// each other on the link from the end of the last layer's backward pass on.
TEST_CASE("an exchange per step that takes as long as ten of them is hardly hidden", "[plan]") {
  const TrainedModel model{.parameters = 1e9, .layers = 1, .step_s = 0.1};
  CHECK(compute_utilization(model, {.every = 1}, 12.8) == Approx(0.1 / 1.1));
  CHECK(compute_utilization(model, {.every = 10}, 12.8) == Approx(0.5));
  CHECK(compute_utilization(model, {.every = 10, .bits = 4}, 12.8) == Approx(0.8));
  // Nine steps go by while one exchange is under way.
  CHECK(compute_utilization(model, {.every = 10, .overlap = 9}, 12.8) == Approx(1 / 1.1));
  CHECK(compute_utilization(model, {.every = 20, .overlap = 10}, 12.8) == Approx(1));
}

TEST_CASE("what is never full never waits", "[plan]") {
  const TrainedModel model{.parameters = 1e9, .layers = 24, .step_s = 0.1};
  CHECK(compute_utilization(model, {.every = 1}, 1e9) == Approx(1));
  CHECK(!needed_gbit_per_s({.parameters = 1e15, .layers = 24, .step_s = 0.1}, {}, 0.5));
}

}  // namespace
}  // namespace strait
