#include "core/base/rng.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "tests/support/catch.h"

namespace strait {
namespace {

TEST_CASE("a sequence depends on the seed, the purpose and the index and on nothing else",
          "[rng]") {
  CHECK(Rng(1, "loss", 0).next() == Rng(1, "loss", 0).next());
  std::set<std::uint64_t> first;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    for (std::uint64_t index = 0; index < 4; ++index) {
      first.insert(Rng(seed, "loss", index).next());
      first.insert(Rng(seed, "jitter", index).next());
    }
  }
  CHECK(first.size() == 32);
}

TEST_CASE("a permutation holds every number once", "[rng]") {
  Rng rng(7, "order");
  const auto order = permutation(1000, rng);
  CHECK(std::set<std::uint32_t>(order.begin(), order.end()).size() == 1000);
  CHECK(*std::max_element(order.begin(), order.end()) == 999);
}

TEST_CASE("normal draws have mean 0 and variance 1", "[rng]") {
  Rng rng(3, "init");
  double sum = 0, squares = 0;
  constexpr int kDraws = 200'000;
  for (int i = 0; i < kDraws; ++i) {
    const double x = rng.normal();
    sum += x;
    squares += x * x;
  }
  CHECK(std::abs(sum / kDraws) < 0.01);          // 4.5 standard errors
  CHECK(std::abs(squares / kDraws - 1) < 0.02);  // 6 standard errors
}

}  // namespace
}  // namespace strait
