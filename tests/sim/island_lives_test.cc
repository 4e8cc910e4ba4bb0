// Islands that die, come back and come later: what a killed island still does, what wins at one
// instant, when a run is over, and that threads' timing changes nothing.
#include <atomic>
#include <optional>
#include <thread>

#include "core/base/rng.h"
#include "core/base/ticket.h"
#include "netsim/virtual_loop.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

void wait_for_ever(Clock& clock, const char* label = "nothing") {
  const Completer<int> never(clock, label);
  Ticket<int> ticket = never.ticket();
  ticket.wait();
}

void spin(std::uint64_t times) {
  for (; times > 0; --times) std::this_thread::yield();
}

/// What came out of a piece of an island's code, for the test's thread to look at.
struct End {
  bool killed = false;
  Nanos at{-1};
};

template <class F>
End end_of(Clock& clock, const F& code) {
  End end;
  try {
    code();
  } catch (const Killed&) {
    end.killed = true;
  }
  end.at = clock.now();
  return end;
}

TEST_CASE("a kill ends computing at its instant, when the work has been done", "[lives]") {
  Trace trace;
  VirtualLoop loop(2, trace);
  loop.at(3s, [&] { loop.kill(0); });
  std::atomic<bool> worked = false;
  bool worked_first = false;
  std::vector<End> ends(2);
  loop.run([&](IslandId i, Clock& clock) {
    const auto n = static_cast<std::size_t>(i);
    ends[n] = end_of(clock, [&] {
      clock.compute(10s, [&] {
        spin(300);
        if (i == 0) worked = true;
      });
    });
    if (i == 0) worked_first = worked;
  });
  CHECK(ends[0].killed);
  CHECK(ends[0].at == 3s);
  CHECK(worked_first);
  CHECK_FALSE(ends[1].killed);
  CHECK(ends[1].at == 10s);
}

TEST_CASE("a kill ends a wait, and the ticket may be completed later", "[lives]") {
  Trace trace;
  VirtualLoop loop(1, trace);
  int events = 0;
  End end;
  loop.at(2s, [&] { loop.kill(0); });
  loop.hold_open();
  loop.at(7s, [&] { loop.let_close(); });
  loop.run([&](IslandId, Clock& clock) {
    end = end_of(clock, [&] {
      const Completer<int> late(clock, "a reply");
      clock.post([&loop, &events, late] {
        loop.at(5s, [&events, late] {
          late.complete(1);
          ++events;
        });
      });
      Ticket<int> ticket = late.ticket();
      ticket.wait();
    });
  });
  CHECK(end.killed);
  CHECK(end.at == 2s);
  CHECK(events == 1);
  CHECK(loop.now() == 7s);
}

// The kill is an event, and all events of an instant run before the islands that wake in it.
TEST_CASE("a kill comes before a wake-up of the same instant", "[lives]") {
  for (const bool by_ticket : {false, true}) {
    Trace trace;
    VirtualLoop loop(1, trace);
    std::optional<Completer<int>> done;
    bool went_on = false;
    loop.at(1s, [&] {
      if (by_ticket) done->complete(0);
    });
    loop.at(1s, [&] { loop.kill(0); });
    loop.run([&](IslandId, Clock& clock) {
      done.emplace(clock, "a reply");
      Ticket<int> ticket = done->ticket();
      if (by_ticket) {
        ticket.wait();
      } else {
        clock.compute(1s, [] {});
      }
      went_on = true;
    });
    CHECK_FALSE(went_on);
    CHECK(loop.now() == 1s);
  }
}

TEST_CASE("what a killed island has posted and nobody has run is dropped", "[lives]") {
  Trace trace;
  VirtualLoop loop(2, trace);
  std::vector<int> ran;
  struct PostsAtItsEnd {
    Clock& clock;
    std::vector<int>& ran;
    ~PostsAtItsEnd() {
      clock.post([&r = ran] { r.push_back(99); });
    }
  };
  loop.run([&](IslandId i, Clock& clock) {
    clock.compute(1s, [] {});
    if (i == 0) {
      clock.post([&] {
        ran.push_back(0);
        loop.kill(1);
        loop.post([&] { ran.push_back(1); });  // an event's, not the island's
        loop.kill(0);
      });
      clock.post([&] { ran.push_back(2); });
    } else {
      clock.post([&] { ran.push_back(10); });
    }
    const PostsAtItsEnd unwinds{clock, ran};
    wait_for_ever(clock);
  });
  CHECK(ran == std::vector<int>{0, 1});
}

TEST_CASE("killing an island that is gone changes nothing", "[lives]") {
  Trace trace;
  VirtualLoop loop(3, trace);
  loop.set_absent(2);
  std::vector<bool> running;
  loop.at(2s, [&] {
    for (IslandId i = 0; i < 3; ++i) running.push_back(loop.running(i));
    loop.kill(0);  // its body has returned
    loop.kill(1);
    loop.kill(1);
    loop.kill(2);  // was never there
    for (IslandId i = 0; i < 3; ++i) running.push_back(loop.running(i));
  });
  std::vector<int> kills;
  trace.listen([&](const TraceRecord& record) {
    if (record.kind == TraceKind::kIslandKilled) kills.push_back(static_cast<int>(record.a));
  });
  loop.run([&](IslandId i, Clock& clock) { clock.compute(i == 0 ? 1s : 3s, [] {}); });
  CHECK(running == std::vector<bool>{false, true, false, false, false, false});
  CHECK(kills == std::vector<int>{1});
}

TEST_CASE("an island that is started again has a clock of its own time", "[lives]") {
  Trace trace;
  VirtualLoop loop(1, trace);
  std::optional<Completer<int>> of_first_life;
  loop.at(2s, [&] { loop.kill(0); });
  loop.hold_open();
  loop.at(5s, [&] {
    loop.start_island(0);
    loop.let_close();
  });
  loop.at(6s, [&] { of_first_life->complete(0); });  // wakes nobody
  struct Birth {
    int life;
    Nanos now, waited, woke;
  };
  std::vector<Birth> births;
  loop.run([&](IslandId island, Clock& clock) {
    births.push_back({loop.life(island), clock.now(), clock.waited(), {}});
    if (births.size() == 1) {
      clock.compute(1s, [] {});
      of_first_life.emplace(clock, "a reply");
      Ticket<int> ticket = of_first_life->ticket();
      ticket.wait();
    }
    const Completer<int> done(clock, "a timer");
    clock.post([&loop, done] { loop.at(8s, [done] { done.complete(0); }); });
    Ticket<int> ticket = done.ticket();
    ticket.wait();
    births.back().woke = clock.now();
    births.back().waited = clock.waited();
  });
  REQUIRE(births.size() == 2);
  CHECK(births[0].life == 0);
  CHECK(births[0].now == 0s);
  CHECK(births[1].life == 1);
  CHECK(births[1].now == 5s);
  CHECK(births[1].woke == 8s);
  CHECK(births[1].waited == 3s);
}

TEST_CASE("a kill and a start may be one event", "[lives]") {
  Trace trace;
  VirtualLoop loop(1, trace);
  loop.at(1s, [&] {
    for (int again = 0; again < 3; ++again) {
      loop.kill(0);
      loop.start_island(0);
    }
  });
  std::vector<int> lives;
  loop.run([&](IslandId island, Clock& clock) {
    lives.push_back(loop.life(island));
    clock.compute(2s, [] {});
  });
  // Lives 1 and 2 were over before their first instant was.
  CHECK(lives == std::vector<int>{0, 3});
  CHECK(loop.now() == 3s);
}

TEST_CASE("an absent island may be started, one that has returned too", "[lives]") {
  Trace trace;
  VirtualLoop loop(2, trace);
  loop.set_absent(1);
  loop.hold_open();
  loop.at(10s, [&] {
    loop.start_island(1);
    loop.start_island(0);
    loop.let_close();
  });
  std::vector<std::string> seen[2];
  loop.run([&](IslandId i, Clock& clock) {
    seen[static_cast<std::size_t>(i)].push_back(std::to_string(loop.life(i)) + " at " +
                                                std::to_string(clock.now() / 1s));
    clock.compute(1s, [] {});
  });
  CHECK(seen[0] == std::vector<std::string>{"0 at 0", "1 at 10"});
  CHECK(seen[1] == std::vector<std::string>{"0 at 10"});
  CHECK(loop.now() == 11s);
}

TEST_CASE("a run is over when nobody runs and nobody is expected", "[lives]") {
  Trace trace;
  VirtualLoop loop(3, trace);
  loop.set_absent(2);  // never comes
  loop.at(1s, [&] { loop.kill(1); });
  loop.at(9s, [] { throw std::runtime_error("an event after the end"); });
  loop.run([&](IslandId i, Clock& clock) {
    if (i == 1) wait_for_ever(clock);
    clock.compute(4s, [] {});
  });
  CHECK(loop.now() == 4s);
}

TEST_CASE("a deadlock does not name islands that are gone", "[lives]") {
  Trace trace;
  VirtualLoop loop(4, trace);
  loop.set_absent(3);
  loop.at(1s, [&] { loop.kill(0); });
  std::string message;
  try {
    loop.run([&](IslandId i, Clock& clock) {
      if (i < 2) wait_for_ever(clock, i == 0 ? "round 3" : "round 4");
    });
  } catch (const Deadlock& deadlock) {
    message = deadlock.what();
  }
  CHECK(message ==
        "deadlock: nothing is left to happen since 1.000000 s; island 1 waits for "
        "round 4 since 0.000000 s");
}

TEST_CASE("waiting for an island that will be started is no deadlock", "[lives]") {
  Trace trace;
  VirtualLoop loop(2, trace);
  loop.set_absent(1);
  loop.hold_open();
  loop.at(5h, [&] {
    loop.start_island(1);
    loop.let_close();
  });
  std::function<void()> beat = [&] { loop.at(loop.now() + 1min, [&] { beat(); }); };
  std::optional<Completer<int>> done;
  loop.at(0s, [&] { beat(); });
  loop.run([&](IslandId i, Clock& clock) {
    if (i == 1) {
      clock.post([&] { done->complete(0); });
      return;
    }
    done.emplace(clock, "island 1");
    Ticket<int> ticket = done->ticket();
    ticket.wait();
  });
  CHECK(loop.now() == 5h);
}

// Heartbeats go on for ever: they are in the trace, but bring nobody forward.
TEST_CASE("control chatter does not hide a deadlock, a long transfer is none", "[lives]") {
  for (const bool large : {false, true}) {
    Trace trace;
    VirtualLoop loop(1, trace);
    std::optional<Completer<int>> done;
    std::function<void()> beat = [&] {
      trace.add({loop.now(), TraceKind::kOffered, 0, 1, 1'000'000});
      trace.add({loop.now(), TraceKind::kArrived, 0, 1, large ? Trace::kWeightyArrival : 4095});
      trace.add({loop.now(), TraceKind::kLinkChanged, 0});
      if (loop.now() >= 3h) return done->complete(0);
      loop.at(loop.now() + 1s, [&] { beat(); });
    };
    bool deadlock = false;
    try {
      loop.run([&](IslandId, Clock& clock) {
        done.emplace(clock, "the transfer");
        clock.post([&] { beat(); });
        Ticket<int> ticket = done->ticket();
        ticket.wait();
      });
    } catch (const Deadlock&) {
      deadlock = true;
    }
    CHECK(deadlock == !large);
    CHECK(loop.now() == (large ? 3h : 1h));
  }
}

TEST_CASE("a killed island stays killed, whatever its body catches", "[lives]") {
  Trace trace;
  VirtualLoop loop(1, trace);
  loop.at(1s, [&] { loop.kill(0); });
  int caught = 0;
  loop.run([&](IslandId, Clock& clock) {
    for (int again = 0; again < 3; ++again) {
      try {
        clock.compute(10s, [] {});
      } catch (const Killed&) {
        ++caught;
      }
    }
  });
  CHECK(caught == 3);
  CHECK(loop.now() == 1s);
}

TEST_CASE("another exception of a killed island ends the run", "[lives]") {
  Trace trace;
  VirtualLoop loop(2, trace);
  loop.at(1s, [&] { loop.kill(0); });
  CHECK_THROWS_WITH(loop.run([&](IslandId i, Clock& clock) {
    try {
      wait_for_ever(clock);
    } catch (const Killed&) {
      throw std::runtime_error("island " + std::to_string(i) + " broke while it unwound");
    }
  }),
                    "island 0 broke while it unwound");
}

// Islands that compute, post and wait while events kill and start them at times that often are
// those of wake-ups: all times are multiples of 100 ns.
std::uint64_t run_mortal(bool parallel, std::uint64_t thread_noise) {
  constexpr IslandId kIslands = 4;
  Trace trace;
  VirtualLoop loop(kIslands, trace, {.parallel = parallel});
  loop.set_absent(3);
  Rng fate(11, "fate", 0);
  for (int event = 0; event < 60; ++event) {
    const auto island = static_cast<IslandId>(fate.below(kIslands));
    loop.hold_open();
    loop.at(Nanos{static_cast<std::int64_t>(100 * fate.below(200))}, [&loop, island] {
      loop.let_close();
      if (loop.running(island)) {
        loop.kill(island);
      } else {
        loop.start_island(island);
      }
    });
  }
  loop.run([&](IslandId i, Clock& clock) {
    const auto self = static_cast<std::uint64_t>(10 * i + loop.life(i));
    Rng times(5, "times", self), noise(thread_noise, "noise", self);
    for (int step = 0; step < 50; ++step) {
      clock.compute(Nanos{static_cast<std::int64_t>(100 * times.below(10))},
                    [&] { spin(noise.below(20)); });
      spin(noise.below(5));
      const Completer<int> done(clock, "reply");
      const Nanos delay{static_cast<std::int64_t>(100 * times.below(5))};
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

TEST_CASE("lives do not depend on the timing of threads or on taking turns", "[lives]") {
  const auto expected = run_mortal(true, 1);
  for (std::uint64_t repeat = 2; repeat < 20; ++repeat) {
    CHECK(run_mortal(true, repeat) == expected);
    CHECK(run_mortal(false, repeat) == expected);
  }
}

}  // namespace
}  // namespace strait
