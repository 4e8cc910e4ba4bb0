// VirtualLoop: the loop whose time moves only when every island waits or has announced how long it
// computes. So islands compute in parallel on real cores, threads may interleave as they like, and
// the trace, the times and the parameters are the same to the bit.
//
// The rules (docs/ARCHITECTURE.md, "Time"):
//   * events before the earliest announced end run while islands work;
//   * when the next thing is the end of work that is still being done, the loop waits for it;
//   * all events of an instant run before the islands that they wake;
//   * what islands post is taken in the order (island, order of the calls) when all of them wait or
//     compute again;
//   * when an island fails, the others of that instant go on until they wait or compute again, and
//     the run ends there: so the failure that is told is always the same one;
//   * Ctrl+C, where somebody watches for it (core/base/interrupt.h), ends the run before the next
//     instant (Interrupted);
//   * nothing left to happen, or an hour without progress in the trace, while everybody waits, is a
//     deadlock: the error says who waits for what since when.
//
// An island has lives: it may be absent at first, be killed by an event and be started by one. A
// kill is an event like any other: at an instant in which the island would wake it comes first. The
// loop waits, in wall time, for work that is still being done and until the thread has unwound; so
// when kill() returns nothing of that life runs any more, and its buffers are gone.
//
// Thread: run() is the loop's thread; each IslandClock belongs to its island's thread (or fiber).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/base/event_heap.h"
#include "core/base/fifo.h"
#include "core/base/island_loop.h"
#include "core/base/trace.h"

namespace strait {

/// Nobody can ever be woken. what() says who waits for what since when.
class Deadlock : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct VirtualLoopOptions {
  /// False: the islands are fibers of the loop's thread, so that the code of one runs at a time: to
  /// debug, to measure what parallel islands gain, and where they have little to compute, since a
  /// change of threads takes longer than an exchange of a small message. The trace is the same.
  bool parallel = true;
  /// Virtual time without progress (Trace::progress) after which a wait is called a deadlock.
  Nanos stall_limit = std::chrono::hours(1);
};

class VirtualLoop final : public IslandLoop {
 public:
  VirtualLoop(int islands, Trace& trace, VirtualLoopOptions options = {});
  ~VirtualLoop() override;

  Nanos now() const override { return now_; }
  void post(Callback f) override { posted_.push_back({timers_.take_order(), std::move(f)}); }
  TimerId at(Nanos when, Callback f) override;
  Nanos quiet_until() override;
  void cancel(TimerId timer) override { timers_.cancel(timer); }

  Clock& clock(IslandId island) override;
  void set_pauses(IslandId island, PauseSchedule pauses) override;
  void set_absent(IslandId island) override;
  void run(const std::function<void(IslandId, Clock&)>& body) override;

  /// When it returns nothing of that life runs any more, and its buffers are gone.
  void kill(IslandId island) override;

  /// The new life begins after all events of this instant.
  void start_island(IslandId island) override;

  /// Waiting for what is held open is no deadlock, however long it takes.
  void hold_open() override { ++holders_; }
  void let_close() override { --holders_; }
  bool running(IslandId island) const override;
  int life(IslandId island) const override;

  /// Runs events until none is left (for tests without islands).
  void run_until_idle();

 private:
  class IslandClock;
  struct Posted {
    std::uint64_t order = 0;          // among the timers of the same instant
    Callback f;                       // empty if its island was killed
    const IslandClock* by = nullptr;  // the island that posted it; null: an event
  };

  IslandClock& find(IslandId island) const {
    return *islands_.at(static_cast<std::size_t>(island));
  }
  void begin_life(IslandClock& island);
  void wait_until(std::unique_lock<std::mutex>& lock, const std::function<bool()>& condition);
  void rethrow_first_failure(const std::exception_ptr& of_loop) const;
  void run_loop();
  void run_instant();
  void take_posts();
  bool over() const;
  std::vector<IslandClock*> due_now() const;
  void wake(const std::vector<IslandClock*>& due);
  void advance();
  void cancel_islands();
  [[noreturn]] void report_deadlock(const std::string& why) const;

  Trace& trace_;
  VirtualLoopOptions options_;
  Nanos now_{0};
  EventHeap timers_;
  Fifo<Posted> posted_;

  std::vector<std::unique_ptr<IslandClock>> islands_;
  mutable std::mutex mutex_;       // guards the islands' states and what follows
  std::condition_variable quiet_;  // some island has stopped being active, or finished its work
  int active_ = 0;          // islands that run code between a wake-up and the next announcement
  bool failed_ = false;     // an island's body threw: the run ends when all are quiet
  bool cancelled_ = false;  // the run has ended; who still blocks is thrown out

  std::function<void(IslandId, Clock&)> body_;
  int holders_ = 0;
  Nanos last_progress_{0};
  std::int64_t seen_progress_ = 0;
};

}  // namespace strait
