#include "netsim/fiber.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/catch.h"

namespace strait {
namespace {

TEST_CASE("a fiber goes on where it suspended", "[fiber]") {
  std::vector<int> order;
  std::unique_ptr<Fiber> fiber;
  fiber = std::make_unique<Fiber>([&] {
    order.push_back(1);
    fiber->suspend();
    order.push_back(3);
    fiber->suspend();
    order.push_back(5);
  });
  CHECK(order.empty());
  fiber->resume();
  order.push_back(2);
  fiber->resume();
  order.push_back(4);
  fiber->resume();
  CHECK(order == std::vector<int>{1, 2, 3, 4, 5});
}

TEST_CASE("exceptions unwind a fiber's own stack while others stand still", "[fiber]") {
  std::vector<std::string> caught(3);
  std::vector<std::unique_ptr<Fiber>> fibers;
  for (std::size_t i = 0; i < caught.size(); ++i) {
    fibers.push_back(std::make_unique<Fiber>([&, i] {
      const std::string local(100, static_cast<char>('a' + i));  // on the heap, owned by the stack
      try {
        fibers[i]->suspend();
        throw std::runtime_error(local);
      } catch (const std::exception& error) {
        caught[i] = error.what();
      }
      fibers[i]->suspend();
      caught[i] += local.front();
    }));
  }
  for (int round = 0; round < 3; ++round) {
    for (const auto& fiber : fibers) fiber->resume();
  }
  for (std::size_t i = 0; i < caught.size(); ++i) {
    CHECK(caught[i] == std::string(101, static_cast<char>('a' + i)));
  }
}

int depth_of(int levels) {
  volatile char frame[4096];
  frame[0] = 1;
  return levels == 0 ? 0 : depth_of(levels - 1) + frame[0];
}

TEST_CASE("a fiber's stack is as deep as a thread's", "[fiber]") {
  int depth = 0;
  Fiber fiber([&] { depth = depth_of(500); });  // 2 MB, and several times that with a sanitizer
  fiber.resume();
  CHECK(depth == 500);
}

TEST_CASE("a thousand fibers cost the pages that they touch", "[fiber]") {
  int sum = 0;
  std::vector<std::unique_ptr<Fiber>> fibers;
  for (int i = 0; i < 1000; ++i) {
    fibers.push_back(std::make_unique<Fiber>([&, i] {
      fibers[static_cast<std::size_t>(i)]->suspend();
      sum += i;
    }));
  }
  for (int round = 0; round < 2; ++round) {
    for (const auto& fiber : fibers) fiber->resume();
  }
  CHECK(sum == 999 * 1000 / 2);
}

}  // namespace
}  // namespace strait
