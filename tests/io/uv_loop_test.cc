// The rules of the loop by the wall clock: what runs when, at which time, and how it ends.
#include "core/io/uv_loop.h"

#include <sched.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <thread>
#include <utility>

#include "tests/support/catch.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

/// Keeps the loop from its events until it is `time`.
void be_late(const UvLoop& loop, Nanos time) {
  while (loop.wall() < time) std::this_thread::yield();
}

TEST_CASE("events of one instant run in the order of at and post in real time", "[uv_loop]") {
  UvLoop loop;
  std::vector<int> order;
  loop.at(2ms, [&] {
    loop.post([&] { order.push_back(2); });
    loop.at(0s, [&] { order.push_back(3); });  // passed: now
    loop.post([&] { order.push_back(4); });
  });
  loop.at(2ms, [&] { order.push_back(1); });
  loop.at(1ms, [&] { order.push_back(0); });
  loop.run_until_idle();
  CHECK(order == std::vector<int>{0, 1, 2, 3, 4});
  CHECK(loop.now() == 2ms);
}

TEST_CASE("no event runs before its time", "[uv_loop]") {
  UvLoop loop;
  std::vector<Nanos> early;
  for (int i = 1; i <= 50; ++i) {
    const Nanos time = i * 700us;
    loop.at(time, [&, time] {
      if (loop.wall() < time || loop.now() != time) early.push_back(time);
    });
  }
  loop.run_until_idle();
  CHECK(early == std::vector<Nanos>{});
  CHECK(loop.pace().events.count() == 50);
}

TEST_CASE("cancelled timers do not run in real time", "[uv_loop]") {
  UvLoop loop;
  int ran = 0;
  const TimerId first = loop.at(1ms, [&] { ++ran; });
  const TimerId third = loop.at(3ms, [&] { ran += 100; });
  loop.at(2ms, [&] {
    ran += 10;
    loop.cancel(third);
  });
  loop.cancel(first);
  loop.cancel(TimerId::kNone);
  loop.run_until_idle();
  loop.cancel(first);
  CHECK(ran == 10);
}

TEST_CASE("events that run late run at their own times and in order", "[uv_loop]") {
  UvLoop loop;
  std::vector<Nanos> times;
  const auto note = [&] { times.push_back(loop.now()); };
  loop.at(1ms, [&] { be_late(loop, 20ms); });
  loop.at(6ms, note);
  loop.at(5ms, [&] {
    note();
    loop.at(loop.now() + 500us, note);  // counted from its own time, not from when it ran
    loop.at(3ms, note);                 // passed, so now
  });
  loop.run_until_idle();
  CHECK(times == std::vector<Nanos>{5ms, 5ms, 5'500us, 6ms});
  CHECK(loop.pace().events.max() >= 15ms);
  CHECK(loop.take_worst() >= 15ms);
  CHECK(loop.take_worst() == 0ms);
}

TEST_CASE("an event that was late does not delay those that are not due", "[uv_loop]") {
  UvLoop loop;
  Nanos last{0};
  const std::function<void(int)> tick = [&](int left) {
    if (left % 10 == 0) be_late(loop, loop.now() + 3ms);
    last = loop.now();
    if (left > 0) loop.at(loop.now() + 1ms, [&tick, left] { tick(left - 1); });
  };
  loop.at(1ms, [&] { tick(40); });
  loop.run_until_idle();
  CHECK(last == 41ms);
}

TEST_CASE("posts from threads run once, each thread's in the order of its calls", "[uv_loop]") {
  constexpr int kThreads = 4, kPosts = 500;
  UvLoop loop;
  std::vector<std::vector<int>> seen(kThreads);
  int done = 0;
  std::vector<std::jthread> threads;
  loop.post([&] {
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kPosts; ++i) {
          loop.post_from_thread(Nanos{0}, [&, t, i] {
            seen[static_cast<std::size_t>(t)].push_back(i);
            if (i + 1 == kPosts && ++done == kThreads) loop.stop();
          });
        }
      });
    }
  });
  loop.run();
  std::vector<int> all(kPosts);
  for (int i = 0; i < kPosts; ++i) all[static_cast<std::size_t>(i)] = i;
  for (const auto& posts : seen) CHECK(posts == all);
}

TEST_CASE("a post from a thread runs at the time that it is for", "[uv_loop]") {
  UvLoop loop;
  std::vector<Nanos> times;
  const auto note = [&] { times.push_back(loop.now()); };
  loop.at(1ms, [&] {
    std::jthread([&] {
      loop.post_from_thread(0ms, note);  // behind the loop: at the loop's time
      loop.post_from_thread(8ms, note);
      loop.post_from_thread(4ms, note);
    });
  });
  loop.at(6ms, note);
  loop.at(10ms, [&] { loop.stop(); });
  loop.run();
  CHECK(times == std::vector<Nanos>{1ms, 4ms, 6ms, 8ms});
}

TEST_CASE("what other threads post wakes a loop that has nothing to do", "[uv_loop]") {
  UvLoop loop;
  std::jthread poster;
  loop.post([&] {
    poster = std::jthread([&] {
      while (loop.wall() < 5ms) std::this_thread::yield();
      loop.post_from_thread(5ms, [&] { loop.stop(); });
    });
  });
  loop.run();
  CHECK(loop.now() == 5ms);
}

TEST_CASE("stopping lets the rest of the instant run and nothing later", "[uv_loop]") {
  UvLoop loop;
  std::vector<int> order;
  loop.at(1ms, [&] {
    be_late(loop, 3ms);  // the next one is due already
    loop.stop();
    loop.post([&] { order.push_back(2); });
  });
  loop.at(1ms, [&] { order.push_back(1); });
  loop.at(2ms, [&] { order.push_back(3); });
  loop.run();
  CHECK(order == std::vector<int>{1, 2});
}

TEST_CASE("an exception out of an event ends the loop", "[uv_loop]") {
  UvLoop loop;
  int ran = 0;
  loop.at(1ms, [&] { throw std::runtime_error("event broke"); });
  loop.at(1ms, [&] { ++ran; });
  CHECK_THROWS_WITH(loop.run(), "event broke");
  CHECK(ran == 0);
}

TEST_CASE("Ctrl+C ends a loop that waits", "[uv_loop]") {
  UvLoop loop;
  loop.at(1h, [] {});
  loop.at(1ms, [] { ::kill(::getpid(), SIGINT); });
  CHECK_THROWS_AS(loop.run(), Interrupted);
  CHECK(loop.now() == 1ms);
}

TEST_CASE("an event beyond the limit makes the run invalid and ends a strict one", "[uv_loop]") {
  const bool strict = GENERATE(false, true);
  UvLoop loop({.max_lateness = 50ms, .strict = strict});
  int after = 0;
  loop.at(1ms, [&] { be_late(loop, 70ms); });
  loop.at(2ms, [] {});
  loop.at(3ms, [&] { ++after; });
  if (strict) {
    CHECK_THROWS_AS(loop.run_until_idle(), TooLate);
    CHECK(after == 0);
  } else {
    loop.run_until_idle();
    CHECK(after == 1);
  }
  CHECK_FALSE(loop.pace().valid());
  CHECK(loop.pace().invalid.find("at 0.002 s; run.max_lateness is 50ms") != std::string::npos);
}

TEST_CASE("the loop says which priority it got and gives it back", "[uv_loop]") {
  const int before = ::sched_getscheduler(0);
  UvLoop loop;
  std::string policies;
  loop.post([&] {
    std::jthread([&] { policies = std::to_string(::sched_getscheduler(0)); });
    loop.stop();
  });
  loop.run();
  CHECK(loop.pace().priority != "");
  CHECK(policies == std::to_string(SCHED_OTHER));  // islands do not inherit it
  CHECK((::sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) == before);
}

/// Asks the loop for more when it is dropped, as a send does that loses its connection.
struct AsksAgain {
  explicit AsksAgain(Loop& l, int n) : loop(&l), left(n) {}
  AsksAgain(AsksAgain&& other) noexcept
      : loop(std::exchange(other.loop, nullptr)), left(other.left) {}
  ~AsksAgain() {
    if (loop == nullptr || left == 0) return;
    for (int i = 0; i < 3; ++i) {
      loop->post([again = AsksAgain(*loop, left - 1)] {});
      loop->at(loop->now() + 1s, [again = AsksAgain(*loop, left - 1)] {});
    }
  }
  Loop* loop;
  int left;
};

TEST_CASE("what a dropped event held may ask a real loop for more events", "[uv_loop]") {
  int ran = 0;
  {
    UvLoop loop;
    const TimerId timer = loop.at(1s, [&ran, again = AsksAgain(loop, 2)] { ++ran; });
    loop.cancel(timer);
    loop.at(2s, [&ran, again = AsksAgain(loop, 2)] { ++ran; });
    loop.post_from_thread(1s, [&ran, again = AsksAgain(loop, 2)] { ++ran; });
  }
  CHECK(ran == 0);
}

}  // namespace
}  // namespace strait
