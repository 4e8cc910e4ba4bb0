// Islands by the wall clock: their times are the model's, whatever the threads do, and every run
// ends. Bodies only note; the test's thread asserts.
#include "core/io/real_loop.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <thread>

#include "core/base/ticket.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

/// No limit: other people's work on this machine must not fail a test.
constexpr PaceLimits kAnyPace{.max_lateness = kNever};

TEST_CASE("computing ends at the announced times, without drift", "[real_loop]") {
  Trace trace;
  RealLoop loop(2, trace, kAnyPace);
  std::vector<Nanos> ends(2);
  loop.run([&](IslandId i, Clock& clock) {
    for (int step = 0; step < 30; ++step) clock.compute((i + 1) * 1ms, [] {});
    ends[static_cast<std::size_t>(i)] = clock.now();
  });
  CHECK(ends == std::vector<Nanos>{30ms, 60ms});
  CHECK(loop.pace().work.count() == 60);
}

TEST_CASE("a post has run when it has settled, and not before the island's time", "[real_loop]") {
  Trace trace;
  RealLoop loop(2, trace, kAnyPace);
  std::vector<int> wrong(2), settled(2);
  loop.run([&](IslandId i, Clock& clock) {
    for (int step = 1; step <= 20; ++step) {
      clock.compute(1ms, [] {});
      Nanos time{-1};
      clock.post([&] { time = loop.now(); });
      clock.post([&] { ++settled[static_cast<std::size_t>(i)]; });
      clock.settle();
      if (settled[static_cast<std::size_t>(i)] != step) ++wrong[static_cast<std::size_t>(i)];
      if (time < clock.now()) ++wrong[static_cast<std::size_t>(i)];
    }
  });
  CHECK(wrong == std::vector<int>{0, 0});
}

TEST_CASE("the last words of all islands are heard", "[real_loop]") {
  int lost = 0;
  for (int repeat = 0; repeat < 100; ++repeat) {
    constexpr int kIslands = 4;
    Trace trace;
    RealLoop loop(kIslands, trace, kAnyPace);
    int heard = 0;
    loop.run([&](IslandId, Clock& clock) {
      clock.compute(100us, [] {});
      for (int word = 0; word < 3; ++word) clock.post([&] { ++heard; });
    });
    lost += 3 * kIslands - heard;
  }
  CHECK(lost == 0);
}

TEST_CASE("what an island posts in time runs at the island's time, however late", "[real_loop]") {
  Trace trace;
  RealLoop loop(1, trace, kAnyPace);
  Nanos posted{0}, ran_at{0};
  loop.run([&](IslandId, Clock& clock) {
    clock.compute(1s, [] {});
    while (loop.wall() < 1020ms) std::this_thread::yield();
    clock.post([&] {
      posted = loop.now();
      ran_at = loop.wall();
    });
  });
  CHECK(posted == 1s);
  CHECK(ran_at >= 1020ms);
  CHECK(loop.pace().posts.max() >= 20ms);
}

TEST_CASE("a ticket wakes its island at the time of its completion", "[real_loop]") {
  Trace trace;
  RealLoop loop(2, trace, kAnyPace);
  std::vector<Nanos> posted(2), woke(2), waited(2);
  loop.run([&](IslandId i, Clock& clock) {
    const Completer<int> done(clock, "timer");
    clock.compute(5ms, [] {});
    const auto n = static_cast<std::size_t>(i);
    clock.post([&, done, i, n] {
      posted[n] = loop.now();
      loop.at(loop.now() + (i + 1) * 10ms, [done] { done.complete(7); });
    });
    Ticket<int> ticket = done.ticket();
    const int value = ticket.wait();
    woke[n] = clock.now() + Nanos{value - 7};
    waited[n] = clock.waited();
  });
  for (const std::size_t n : {0u, 1u}) {
    CHECK(posted[n] >= 5ms);  // who is slow to post finds the loop beyond that
    CHECK(woke[n] == posted[n] + (n + 1) * 10ms);
    CHECK(waited[n] == woke[n] - 5ms);
  }
}

TEST_CASE("ready says what was so at the island's time", "[real_loop]") {
  Trace trace;
  RealLoop loop(1, trace, kAnyPace);
  std::vector<bool> ready;
  loop.run([&](IslandId, Clock& clock) {
    const Completer<int> done(clock, "timer");
    std::atomic<bool> completed = false;
    clock.post([&, done] {
      loop.at(5ms, [&, done] {
        done.complete(1);
        completed = true;
      });
    });
    Ticket<int> ticket = done.ticket();
    clock.compute(4ms, [&] {
      while (!completed) std::this_thread::yield();
    });
    ready.push_back(ticket.ready());
    clock.compute(1ms, [] {});
    ready.push_back(ticket.ready());
    ticket.wait();
  });
  CHECK(ready == std::vector<bool>{false, true});
}

TEST_CASE("work that takes longer than announced is told and may be made up for", "[real_loop]") {
  const bool made_up_for = GENERATE(true, false);
  Trace trace;
  RealLoop loop(1, trace, {.max_lateness = 1ms});
  Nanos posted{0}, end{0};
  loop.run([&](IslandId, Clock& clock) {
    clock.compute(10ms, [&] {
      while (loop.wall() < 25ms) std::this_thread::yield();
    });
    if (made_up_for) clock.compute(1s, [] {});
    end = clock.now();
    clock.post([&] { posted = loop.now(); });
  });
  const Pace pace = loop.pace();
  CHECK(pace.work.max() >= 15ms);
  CHECK(end == (made_up_for ? 1'010ms : 10ms));
  if (made_up_for) {
    CHECK(posted == 1'010ms);
  } else {
    CHECK(posted >= 25ms);
    CHECK_FALSE(pace.valid());
  }
}

TEST_CASE("what costs nothing is never called late", "[real_loop]") {
  Trace trace;
  RealLoop loop(1, trace, {.max_lateness = 10s, .strict = true});
  loop.run([&](IslandId, Clock& clock) {
    clock.compute(0ms, [&] {
      while (loop.wall() < 20ms) std::this_thread::yield();
    });
    clock.post([] {});
  });
  CHECK(loop.now() >= 20ms);
  CHECK(loop.pace().work.count() == 0);
  CHECK(loop.pace().valid());
}

TEST_CASE("a strict run ends when work is too late", "[real_loop]") {
  Trace trace;
  RealLoop loop(2, trace, {.max_lateness = 1ms, .strict = true});
  CHECK_THROWS_AS(loop.run([&](IslandId i, Clock& clock) {
    clock.compute(1ms, [&] {
      while (i == 0 && loop.wall() < 50ms) std::this_thread::yield();
    });
    clock.post([] {});
    const Completer<int> never(clock, "nothing");
    Ticket<int> ticket = never.ticket();
    ticket.wait();
  }),
                  TooLate);
}

TEST_CASE("the clock starts when all islands have set themselves up", "[real_loop]") {
  Trace trace;
  RealLoop loop(2, trace, kAnyPace);
  std::atomic<bool> set_up = false, too_early = false;
  loop.run([&](IslandId i, Clock& clock) {
    if (i == 1) {
      for (int spin = 0; spin < 10'000; ++spin) std::this_thread::yield();
      set_up = true;
    }
    clock.compute(1ms, [&] { too_early = too_early || !set_up; });
  });
  CHECK_FALSE(too_early);
}

TEST_CASE("a pause stretches computing and delays a wake-up in real time", "[real_loop]") {
  Trace trace;
  RealLoop loop(2, trace, kAnyPace);
  loop.set_pauses(0, PauseSchedule({{10ms, 40ms}}));
  loop.set_pauses(1, PauseSchedule({{20ms, 30ms}}));
  std::vector<Nanos> ends(2);
  loop.run([&](IslandId i, Clock& clock) {
    if (i == 0) clock.compute(20ms, [] {});
    const Completer<int> done(clock, "timer");
    if (i == 1) {
      clock.post([&loop, done] { loop.at(25ms, [done] { done.complete(0); }); });
      Ticket<int> ticket = done.ticket();
      ticket.wait();
    }
    ends[static_cast<std::size_t>(i)] = clock.now();
  });
  CHECK(ends == std::vector<Nanos>{50ms, 30ms});
}

TEST_CASE("the first failure of an island ends a real run for all", "[real_loop]") {
  Trace trace;
  RealLoop loop(3, trace, kAnyPace);
  std::atomic<int> unwound = 0;
  struct Unwinds {
    std::atomic<int>& count;
    ~Unwinds() { ++count; }
  };
  CHECK_THROWS_WITH(loop.run([&](IslandId i, Clock& clock) {
    const Unwinds unwinds{unwound};
    clock.compute(2ms, [i] {
      if (i == 1) throw std::runtime_error("island 1 broke");
    });
    if (i == 2) clock.compute(1h, [] {});
    const Completer<int> never(clock, "nothing");
    Ticket<int> ticket = never.ticket();
    ticket.wait();
  }),
                    "island 1 broke");
  CHECK(unwound == 3);
}

TEST_CASE("a failure before the first call of a clock ends the run", "[real_loop]") {
  Trace trace;
  RealLoop loop(2, trace, kAnyPace);
  CHECK_THROWS_WITH(loop.run([&](IslandId i, Clock& clock) {
    if (i == 0) throw std::runtime_error("no data");
    clock.compute(1h, [] {});
  }),
                    "no data");
}

TEST_CASE("a failure of event code ends a real run", "[real_loop]") {
  Trace trace;
  RealLoop loop(2, trace, kAnyPace);
  CHECK_THROWS_WITH(loop.run([&](IslandId, Clock& clock) {
    clock.post([] { throw std::runtime_error("event broke"); });
    clock.compute(1h, [] {});
  }),
                    "event broke");
}

TEST_CASE("Ctrl+C ends islands that wait for ever", "[real_loop]") {
  Trace trace;
  RealLoop loop(2, trace, kAnyPace);
  CHECK_THROWS_AS(loop.run([&](IslandId i, Clock& clock) {
    if (i == 0) clock.post([] { ::kill(::getpid(), SIGINT); });
    const Completer<int> never(clock, "nothing");
    Ticket<int> ticket = never.ticket();
    ticket.wait();
  }),
                  Interrupted);
}

TEST_CASE("when kill returns nothing of that life runs any more", "[real_loop]") {
  Trace trace;
  RealLoop loop(3, trace, kAnyPace);
  std::atomic<bool> alive = false;
  bool alive_after_kill = true;
  int posts_of_the_dead = 0;
  loop.hold_open();
  loop.at(10ms, [&] {
    for (const IslandId island : {1, 2}) {
      loop.kill(island);
      loop.kill(island);  // no error
    }
    alive_after_kill = alive || loop.running(1) || loop.running(2);
    loop.let_close();
  });
  loop.run([&](IslandId i, Clock& clock) {
    if (i == 0) return clock.compute(20ms, [] {});
    struct Unwinds {
      std::atomic<bool>& alive;
      Clock& clock;
      int& posts;
      ~Unwinds() {
        clock.post([&p = posts] { ++p; });
        alive = false;
      }
    };
    alive = true;
    const Unwinds unwinds{alive, clock, posts_of_the_dead};
    if (i == 1) clock.compute(1h, [] {});
    const Completer<int> never(clock, "nothing");
    Ticket<int> ticket = never.ticket();
    ticket.wait();
  });
  CHECK_FALSE(alive_after_kill);
  CHECK(posts_of_the_dead == 0);
}

TEST_CASE("an island may be absent, come, end and come again", "[real_loop]") {
  Trace trace;
  RealLoop loop(2, trace, kAnyPace);
  loop.set_absent(1);
  std::vector<int> lives;
  std::vector<Nanos> begins;
  int ready = 0;
  const std::function<void()> start = [&] {
    if (loop.running(1)) {
      loop.at(loop.now() + 1ms, [&] { start(); });
      return;
    }
    loop.start_island(1);
    ++ready;  // after start_island, but before its life begins
    loop.let_close();
  };
  for (const Nanos time : {Nanos{5ms}, Nanos{15ms}}) {
    loop.hold_open();
    loop.at(time, start);
  }
  loop.run([&](IslandId i, Clock& clock) {
    if (i == 0) return clock.compute(1ms, [] {});
    const int was_ready = ready;
    clock.compute(1ms, [] {});
    clock.post([&, was_ready, life = loop.life(1), now = clock.now()] {
      lives.push_back(10 * life + was_ready);
      begins.push_back(now);
    });
  });
  CHECK(lives == std::vector<int>{1, 12});
  REQUIRE(begins.size() == 2);
  CHECK(begins[0] >= 6ms);
  CHECK(begins[1] >= 16ms);
}

TEST_CASE("an island that is killed as it is to begin never begins", "[real_loop]") {
  Trace trace;
  RealLoop loop(1, trace, kAnyPace);
  loop.set_absent(0);
  int lives = 0;
  loop.hold_open();
  loop.at(1ms, [&] {
    loop.start_island(0);
    loop.kill(0);
    loop.let_close();
  });
  loop.run([&](IslandId, Clock&) { ++lives; });
  CHECK(lives == 0);
}

}  // namespace
}  // namespace strait
