#include "core/base/permutation.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "tests/support/catch.h"

namespace strait {
namespace {

std::vector<std::int64_t> all_of(const Permutation& permutation) {
  std::vector<std::int64_t> places;
  for (std::int64_t i = 0; i < permutation.size(); ++i) places.push_back(permutation(i));
  return places;
}

TEST_CASE("a computed permutation holds every number once, for every size", "[rng]") {
  for (std::int64_t n = 1; n <= 300; ++n) {
    const auto places = all_of(Permutation(n, Rng(3, "order", static_cast<std::uint64_t>(n))));
    const std::set<std::int64_t> different(places.begin(), places.end());
    REQUIRE(std::ssize(different) == n);
    REQUIRE(*different.begin() == 0);
    REQUIRE(*different.rbegin() == n - 1);
  }
  const auto places = all_of(Permutation(100'003, Rng(4, "order")));
  std::vector<bool> seen(places.size());
  for (const std::int64_t place : places) seen[static_cast<std::size_t>(place)] = true;
  CHECK(std::count(seen.begin(), seen.end(), true) == 100'003);
}

TEST_CASE("another key is another permutation, and the same key the same", "[rng]") {
  std::set<std::vector<std::int64_t>> orders;
  for (std::uint64_t key = 0; key < 100; ++key) {
    const auto order = all_of(Permutation(50, Rng(1, "order", key)));
    CHECK(order == all_of(Permutation(50, Rng(1, "order", key))));
    orders.insert(order);
  }
  CHECK(orders.size() == 100);
}

// Of uniform permutations the share of fixed places and of neighbours that stay neighbours is about
// 1 / n, and places are as far apart as chance has it.
TEST_CASE("a computed permutation keeps no order", "[rng]") {
  constexpr std::int64_t kCount = 20'000;
  int fixed = 0, neighbours = 0;
  double correlation = 0;
  for (std::uint64_t key = 0; key < 20; ++key) {
    const auto places = all_of(Permutation(kCount, Rng(2, "order", key)));
    for (std::size_t i = 0; i < places.size(); ++i) {
      fixed += places[i] == static_cast<std::int64_t>(i);
      neighbours += i > 0 && std::abs(places[i] - places[i - 1]) == 1;
      correlation +=
          (static_cast<double>(places[i]) / kCount - 0.5) * (static_cast<double>(i) / kCount - 0.5);
    }
  }
  CHECK(fixed < 60);       // 20 expected
  CHECK(neighbours < 90);  // 40 expected
  CHECK(std::abs(correlation) / (20 * kCount) < 0.001);
}

TEST_CASE("every number is equally likely at a place", "[rng]") {
  std::vector<int> counts(12);
  for (std::uint64_t key = 0; key < 12'000; ++key) {
    ++counts[static_cast<std::size_t>(Permutation(12, Rng(5, "order", key))(7))];
  }
  for (const int count : counts) CHECK(std::abs(count - 1000) < 150);  // 5 deviations
}

TEST_CASE("a permutation of 2^62 needs no memory", "[rng]") {
  const Permutation permutation(std::int64_t{1} << 62, Rng(6, "order"));
  std::set<std::int64_t> places;
  for (std::int64_t i = 0; i < 1000; ++i) places.insert(permutation(i));
  CHECK(places.size() == 1000);
  CHECK(*places.rbegin() > std::int64_t{1} << 61);
}

}  // namespace
}  // namespace strait
