#include "core/base/fifo.h"

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/pool.h"
#include "core/base/rng.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"

namespace strait {
namespace {

TEST_CASE("a fifo does what a deque does", "[fifo]") {
  const std::uint64_t seed = test_seed();
  INFO("--rng-seed " << seed);
  Rng rng(seed, "fifo");
  Fifo<std::string> fifo;
  std::deque<std::string> deque;
  for (int step = 0; step < 20'000; ++step) {
    const std::uint64_t what = rng.below(16);
    if (what < 8 + deque.size() % 3 || deque.empty()) {
      deque.push_back(std::to_string(step));
      fifo.push_back(deque.back());
    } else if (what < 14) {
      CHECK(fifo.pop_front() == deque.front());
      deque.pop_front();
    } else if (what == 14) {
      CHECK(fifo.pop_back() == deque.back());
      deque.pop_back();
    } else if (rng.below(50) == 0) {
      fifo.clear();
      deque.clear();
    } else {
      fifo = Fifo<std::string>(std::move(fifo));
    }
    REQUIRE(fifo.size() == deque.size());
    REQUIRE(fifo.empty() == deque.empty());
    if (deque.empty()) continue;
    CHECK(fifo.front() == deque.front());
    CHECK(fifo.back() == deque.back());
    const std::size_t i = rng.below(deque.size());
    CHECK(fifo[i] == deque[i]);
  }
}

TEST_CASE("a fifo lets go of what is taken out at once", "[fifo]") {
  Fifo<std::shared_ptr<int>> fifo;
  const auto held = std::make_shared<int>(1);
  for (int i = 0; i < 3; ++i) fifo.push_back(held);
  fifo.pop_front();
  CHECK(held.use_count() == 3);
  fifo.pop_back();
  CHECK(held.use_count() == 2);
  fifo.clear();
  CHECK(held.use_count() == 1);
}

TEST_CASE("what pooled containers hold is not disturbed by what they give back", "[pool]") {
  using Map = std::map<int, std::vector<int, PoolAllocator<int>>, std::less<>,
                       PoolAllocator<std::pair<const int, std::vector<int, PoolAllocator<int>>>>>;
  const std::uint64_t seed = test_seed();
  INFO("--rng-seed " << seed);
  Rng rng(seed, "pool");
  Map map;
  for (int step = 0; step < 5'000; ++step) {
    const auto key = static_cast<int>(rng.below(200));
    if (rng.below(2) == 0) {
      map.erase(key);
    } else {  // up to 8,000 bytes: sizes of the pool and beyond
      map[key].assign(rng.below(2'000), key);
    }
  }
  for (const auto& [key, values] : map) {
    for (const int value : values) REQUIRE(value == key);
  }
}

TEST_CASE("a shared object may come from the pool", "[pool]") {
  const auto first = std::allocate_shared<std::string>(PoolAllocator<std::string>(), "one");
  auto second = std::allocate_shared<std::string>(PoolAllocator<std::string>(), "two");
  second.reset();
  const auto third = std::allocate_shared<std::string>(PoolAllocator<std::string>(), "three");
  CHECK(*first == "one");
  CHECK(*third == "three");
}

}  // namespace
}  // namespace strait
