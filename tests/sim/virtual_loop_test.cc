// The rules of virtual time: what runs when, who wakes in which order, and that threads' timing
// changes nothing.
#include "netsim/virtual_loop.h"

#include <atomic>
#include <optional>
#include <thread>
#include <utility>

#include "core/base/rng.h"
#include "core/base/ticket.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

TEST_CASE("computing takes the announced time, not the time of the work", "[virtual_loop]") {
  Trace trace;
  VirtualLoop loop(1, trace);
  Nanos end{0};
  loop.run([&](IslandId, Clock& clock) {
    clock.compute(3s, [] {});
    clock.compute(250ms, [] {});
    end = clock.now();
  });
  CHECK(end == 3250ms);
  CHECK(loop.now() == 3250ms);
}

TEST_CASE("a ticket wakes its island at the virtual time of its completion", "[virtual_loop]") {
  Trace trace;
  VirtualLoop loop(2, trace);
  std::vector<Nanos> woke(2);
  loop.run([&](IslandId i, Clock& clock) {
    const Completer<int> done(clock, "timer");
    clock.compute(1s, [] {});
    clock.post(
        [&loop, done, i] { loop.at(loop.now() + (i + 1) * 1s, [done] { done.complete(7); }); });
    Ticket<int> ticket = done.ticket();
    if (ticket.ready()) throw std::runtime_error("ready before its time");
    const int value = ticket.wait();
    woke[static_cast<std::size_t>(i)] = clock.now() + Nanos{value - 7};
  });
  CHECK(woke == std::vector<Nanos>{2s, 3s});
}

TEST_CASE("all events of an instant run before the islands that they wake", "[virtual_loop]") {
  Trace trace;
  VirtualLoop loop(1, trace);
  std::vector<int> order;
  loop.run([&](IslandId, Clock& clock) {
    const Completer<int> done(clock, "event");
    clock.post([&, done] {
      loop.at(1s, [&, done] {
        order.push_back(1);
        done.complete(0);
        loop.post([&] { order.push_back(3); });
      });
      loop.at(1s, [&] { order.push_back(2); });
    });
    Ticket<int> ticket = done.ticket();
    ticket.wait();
    order.push_back(4);
  });
  CHECK(order == std::vector<int>{1, 2, 3, 4});
}

TEST_CASE("posts of one instant are taken by island, then in order", "[virtual_loop]") {
  Trace trace;
  VirtualLoop loop(3, trace);
  std::vector<int> order;
  loop.run([&](IslandId i, Clock& clock) {
    clock.compute(1s, [] {});
    // The last island is the first to post by the wall clock.
    for (int spin = 0; spin < (2 - i) * 200; ++spin) std::this_thread::yield();
    clock.post([&order, i] { order.push_back(10 * i); });
    clock.post([&order, i] { order.push_back(10 * i + 1); });
  });
  CHECK(order == std::vector<int>{0, 1, 10, 11, 20, 21});
}

TEST_CASE("cancelled timers do not run", "[virtual_loop]") {
  Trace trace;
  VirtualLoop loop(0, trace);
  int ran = 0;
  const TimerId first = loop.at(1s, [&] { ++ran; });
  loop.at(2s, [&] { ran += 10; });
  loop.cancel(first);
  loop.run_until_idle();
  loop.cancel(first);
  CHECK(ran == 10);
  CHECK(loop.now() == 2s);
}

TEST_CASE("a pause stretches computing and delays a wake-up", "[virtual_loop]") {
  Trace trace;
  VirtualLoop loop(2, trace);
  loop.set_pauses(0, PauseSchedule({{1s, 4s}}));
  std::vector<Nanos> ends(2);
  loop.run([&](IslandId i, Clock& clock) {
    if (i == 0) clock.compute(2s, [] {});
    const Completer<int> done(clock, "timer");
    if (i == 1) clock.post([&loop, done] { loop.at(2s, [done] { done.complete(0); }); });
    Ticket<int> ticket = done.ticket();
    if (i == 1) ticket.wait();
    ends[static_cast<std::size_t>(i)] = clock.now();
  });
  CHECK(ends == std::vector<Nanos>{5s, 2s});
}

TEST_CASE("a deadlock says who waits for what since when", "[virtual_loop]") {
  Trace trace;
  VirtualLoop loop(2, trace);
  std::string message;
  try {
    loop.run([&](IslandId i, Clock& clock) {
      clock.compute(1s, [] {});
      const Completer<int> never(clock, i == 0 ? "round 3" : "exchange 9");
      Ticket<int> ticket = never.ticket();
      ticket.wait();
    });
  } catch (const Deadlock& deadlock) {
    message = deadlock.what();
  }
  CHECK(message.find("island 0 waits for round 3 since 1.000000 s") != std::string::npos);
  CHECK(message.find("island 1 waits for exchange 9") != std::string::npos);
}

TEST_CASE("timers that go round in circles for an hour are a deadlock too", "[virtual_loop]") {
  Trace trace;
  VirtualLoop loop(1, trace);
  std::function<void()> again = [&] { loop.at(loop.now() + 1min, [&] { again(); }); };
  CHECK_THROWS_AS(loop.run([&](IslandId, Clock& clock) {
    const Completer<int> never(clock, "nothing");
    clock.post([&] { again(); });
    Ticket<int> ticket = never.ticket();
    ticket.wait();
  }),
                  Deadlock);
  CHECK(loop.now() == 1h);
}

TEST_CASE("the first failure of an island ends the run for all", "[virtual_loop]") {
  for (const bool parallel : {true, false}) {
    Trace trace;
    VirtualLoop loop(3, trace, {.parallel = parallel});
    std::atomic<int> unwound = 0;
    struct Unwinds {
      std::atomic<int>& count;
      ~Unwinds() { ++count; }
    };
    CHECK_THROWS_WITH(loop.run([&](IslandId i, Clock& clock) {
      const Unwinds unwinds{unwound};
      clock.compute(1s, [i] {
        if (i == 1) throw std::runtime_error("island 1 broke");
      });
      const Completer<int> never(clock, "nothing");
      Ticket<int> ticket = never.ticket();
      ticket.wait();
    }),
                      "island 1 broke");
    CHECK(unwound == 3);
  }
}

TEST_CASE("a failure of event code ends the run", "[virtual_loop]") {
  Trace trace;
  VirtualLoop loop(2, trace);
  CHECK_THROWS_WITH(loop.run([&](IslandId, Clock& clock) {
    clock.post([] { throw std::runtime_error("event broke"); });
    clock.compute(1s, [] {});
  }),
                    "event broke");
}

// A made-up protocol of islands that compute, post, and wait for each other, with threads that
// yield at random: what is traced must not depend on it.
std::uint64_t run_busy(bool parallel, std::uint64_t thread_noise) {
  Trace trace;
  VirtualLoop loop(4, trace, {.parallel = parallel});
  loop.run([&](IslandId i, Clock& clock) {
    Rng times(5, "times", static_cast<std::uint64_t>(i));
    Rng noise(thread_noise, "noise", static_cast<std::uint64_t>(i));
    for (int step = 0; step < 50; ++step) {
      clock.compute(Nanos{static_cast<std::int64_t>(times.below(1000))}, [&] {
        for (auto n = noise.below(20); n > 0; --n) std::this_thread::yield();
      });
      const Completer<int> done(clock, "reply");
      const Nanos delay{static_cast<std::int64_t>(times.below(500))};
      clock.post([&loop, &trace, done, delay, i] {
        loop.at(loop.now() + delay, [&loop, &trace, done, i] {
          trace.add({loop.now(), TraceKind::kMessage, i, 0, 0});
          done.complete(0);
        });
      });
      Ticket<int> ticket = done.ticket();
      ticket.wait();
    }
  });
  return trace.hash();
}

TEST_CASE("the trace does not depend on the timing of threads or on taking turns",
          "[virtual_loop]") {
  const auto expected = run_busy(true, 1);
  for (std::uint64_t repeat = 2; repeat < 12; ++repeat) {
    CHECK(run_busy(true, repeat) == expected);
    CHECK(run_busy(false, repeat) == expected);
  }
}

TEST_CASE("with turns, the code of one island runs at a time", "[virtual_loop]") {
  Trace trace;
  VirtualLoop loop(4, trace, {.parallel = false});
  std::atomic<int> inside = 0;
  std::atomic<bool> together = false;
  const auto busy = [&] {
    if (++inside > 1) together = true;
    for (int spin = 0; spin < 50; ++spin) std::this_thread::yield();
    --inside;
  };
  loop.run([&](IslandId i, Clock& clock) {
    for (int step = 0; step < 20; ++step) {
      busy();
      clock.compute(Nanos{i % 2}, busy);
    }
  });
  CHECK_FALSE(together);
}

TEST_CASE("events of one instant run in the order of at and post", "[virtual_loop]") {
  Trace trace;
  VirtualLoop loop(0, trace);
  std::vector<int> order;
  loop.at(1s, [&] {
    loop.post([&] { order.push_back(2); });
    loop.at(0s, [&] { order.push_back(3); });  // passed: now
    loop.post([&] { order.push_back(4); });
  });
  loop.at(1s, [&] { order.push_back(1); });
  loop.run_until_idle();
  CHECK(order == std::vector<int>{1, 2, 3, 4});
}

TEST_CASE("a long computation is no deadlock, whoever waits for it", "[virtual_loop]") {
  Trace trace;
  VirtualLoop loop(2, trace);
  std::function<void()> again = [&] {
    if (loop.now() < 5h) loop.at(loop.now() + 1min, [&] { again(); });
  };
  std::optional<Completer<int>> done;
  loop.run([&](IslandId i, Clock& clock) {
    if (i == 1) {
      clock.compute(1s, [] {});
      clock.compute(5h, [] {});
      clock.post([&] { done->complete(1); });
      return;
    }
    done.emplace(clock, "the other island");
    clock.post([&] { again(); });
    Ticket<int> ticket = done->ticket();
    ticket.wait();
  });
  CHECK(loop.now() == 5h + 1s);
}

// The threads race to fail; which failure is told must not depend on it.
TEST_CASE("of several failures the same one is told every time", "[virtual_loop]") {
  for (int repeat = 0; repeat < 40; ++repeat) {
    Trace trace;
    VirtualLoop loop(3, trace);
    CHECK_THROWS_WITH(loop.run([&](IslandId i, Clock& clock) {
      clock.compute(1s, [] {});
      for (int spin = 0; spin < (2 - i) * repeat; ++spin) std::this_thread::yield();
      if (i == 0) clock.compute(0s, [] {});  // blocks once more, so it is not among the first
      throw std::runtime_error("island " + std::to_string(i) + " broke");
    }),
                      "island 1 broke");
  }
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

TEST_CASE("what a dropped event held may ask for more events", "[virtual_loop]") {
  Trace trace;
  int ran = 0;
  {
    VirtualLoop loop(0, trace);
    const TimerId timer = loop.at(1s, [&ran, again = AsksAgain(loop, 2)] { ++ran; });
    loop.cancel(timer);
    loop.at(2s, [&ran, again = AsksAgain(loop, 2)] { ++ran; });
    loop.post([&ran, again = AsksAgain(loop, 2)] { ++ran; });
  }
  CHECK(ran == 0);
}

}  // namespace
}  // namespace strait
