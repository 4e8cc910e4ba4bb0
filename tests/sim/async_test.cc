// Coroutines on the loop: order, exceptions, and frames that are destroyed while they wait.
#include "core/base/async.h"

#include <string>
#include <vector>

#include "core/base/outcome.h"
#include "netsim/virtual_loop.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

struct World {
  Trace trace;
  VirtualLoop loop{0, trace};
};

Async<int> twice(Pending<int> pending) {
  const int value = co_await pending;
  co_return 2 * value;
}

Async<Done> add_up(Pending<int> a, Pending<int> b, int& sum) {
  Async<int> first = twice(std::move(a));
  sum += co_await first;
  Async<int> second = twice(std::move(b));
  sum += co_await second;
  co_return Done{};
}

TEST_CASE("coroutines resume on the loop in the order they ask", "[async]") {
  World w;
  Promise<int> a(w.loop), b(w.loop);
  int sum = 0;
  Scope scope;
  scope.spawn(add_up(a.pending(), b.pending(), sum));
  w.loop.at(1s, [&] { b.complete(10); });
  w.loop.at(2s, [&] {
    a.complete(1);
    CHECK(sum == 0);  // never inside the call
  });
  w.loop.run_until_idle();
  CHECK(sum == 22);
  CHECK(scope.idle());
}

TEST_CASE("a scope destroys coroutines that never finished", "[async]") {
  World w;
  auto held = std::make_shared<int>(1);
  {
    Scope scope;
    Promise<int> never(w.loop);
    const auto wait = [](Pending<int> p, std::shared_ptr<int> h) -> Async<Done> {
      co_await p;
      *h = 2;
      co_return Done{};
    };
    scope.spawn(wait(never.pending(), held));
    CHECK(held.use_count() == 2);
  }
  CHECK(held.use_count() == 1);
}

/// Says what it has seen when it goes on, and when it is destroyed.
Async<Done> wait_and_tell(Pending<int> pending, int name, std::vector<std::string>& told) {
  struct Tells {
    ~Tells() { told.push_back("end " + std::to_string(name)); }
    int name;
    std::vector<std::string>& told;
  };
  const Tells tells{name, told};
  const int value = co_await pending;
  told.push_back(std::to_string(name) + " got " + std::to_string(value));
  co_return Done{};
}

TEST_CASE("nothing resumes a frame that was destroyed while it waited", "[async]") {
  World w;
  const Promise<int> before(w.loop), between(w.loop), after(w.loop);
  std::vector<std::string> told;
  {
    Scope scope;
    scope.spawn(wait_and_tell(before.pending(), 1, told));
    scope.spawn(wait_and_tell(between.pending(), 2, told));
    scope.spawn(wait_and_tell(after.pending(), 3, told));
    before.complete(10);
    w.loop.run_until_idle();
    between.complete(20);  // its resumption is on the loop when the frame goes
  }
  after.complete(30);
  w.loop.run_until_idle();
  CHECK(told == std::vector<std::string>{"1 got 10", "end 1", "end 3", "end 2"});
}

TEST_CASE("a value that is there already does not suspend", "[async]") {
  World w;
  const Promise<int> promise(w.loop);
  promise.complete(1);
  std::vector<std::string> told;
  Scope scope;
  scope.spawn(wait_and_tell(promise.pending(), 1, told));
  CHECK(told.front() == "1 got 1");
  CHECK(scope.idle());
}

Async<Done> fail(Pending<int> pending) {
  const int value = co_await pending;
  throw std::runtime_error("value " + std::to_string(value));
}

TEST_CASE("an exception leaves a scope through the event that resumed it", "[async]") {
  World w;
  const Promise<int> later(w.loop), now(w.loop);
  Scope scope;
  scope.spawn(fail(later.pending()));
  later.complete(1);
  CHECK_THROWS_WITH(w.loop.run_until_idle(), "value 1");
  now.complete(2);
  CHECK_THROWS_WITH(scope.spawn(fail(now.pending())), "value 2");
}

Async<int> one() { co_return 1; }

Async<Done> count_up(int times, int& sum) {
  for (int i = 0; i < times; ++i) {
    Async<int> next = one();
    sum += co_await next;
  }
  co_return Done{};
}

TEST_CASE("a loop of awaits that never suspend goes on for long", "[async]") {
  Scope scope;
  int sum = 0;
  scope.spawn(count_up(100'000, sum));
  CHECK(sum == 100'000);
}

}  // namespace
}  // namespace strait
