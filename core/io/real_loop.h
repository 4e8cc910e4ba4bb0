// RealLoop: islands as threads of this process by the wall clock, over a UvLoop.
//
// The model's times are the schedule, the wall clock paces it:
//   * the clock starts when every island that is there has set itself up, that is with its first
//     call of its clock; a later life begins at its first call;
//   * computing does the work and sleeps until the announced end, which is counted from the end of
//     what came before, not from the last wake-up. Work that takes longer may be made up for by
//     what is computed next; if it is not, what the island posts is moved to when it was done.
//     Work that is announced to cost nothing (evaluating) is never called late;
//   * what an island posts runs at the island's time, or if the loop is beyond that at the loop's.
//     Events run while islands do: settle() is for what the two share. What an island does between
//     its calls costs the model nothing; its next post is late by it;
//   * a ticket that is completed at a later time than the island's moves the island to that time.
//
// Where there is no model to keep to (PaceLimits::as_it_comes: real networks), work takes the time
// that it takes and nothing is slept out.
//
// With nothing late the times are those of virtual time, but for the order of what happens at
// once. A kill waits, on the loop, for the step that the island works on: events are late by that.
// Who waits for what can never come is not found out: virtual time tells that in an instant, and
// here Ctrl+C ends the run.
//
// Thread: run() is the loop's thread; each clock belongs to its island's thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "core/base/island_loop.h"
#include "core/base/trace.h"
#include "core/io/uv_loop.h"

namespace strait {

class RealLoop final : public IslandLoop {
 public:
  RealLoop(int islands, Trace& trace, PaceLimits limits = {});
  ~RealLoop() override;

  Nanos now() const override { return uv_.now(); }
  void post(Callback f) override { uv_.post(std::move(f)); }
  TimerId at(Nanos when, Callback f) override { return uv_.at(when, std::move(f)); }
  void cancel(TimerId timer) override { uv_.cancel(timer); }

  Clock& clock(IslandId island) override;
  void set_pauses(IslandId island, PauseSchedule pauses) override;
  void set_absent(IslandId island) override;
  void run(const std::function<void(IslandId, Clock&)>& body) override;
  void kill(IslandId island) override;
  void start_island(IslandId island) override;
  void hold_open() override { ++holders_; }
  void let_close() override;
  bool running(IslandId island) const override;
  int life(IslandId island) const override;

  /// The loop below, for sockets.
  UvLoop& uv() { return uv_; }

  /// Any thread, while run() runs: time by the wall clock.
  Nanos wall() const { return uv_.wall(); }

  /// How well the run kept to the times, all islands together. After run().
  Pace pace() const;

  /// The largest lateness of an event since the last call. On the loop, or after run().
  Nanos take_worst() { return uv_.take_worst(); }

 private:
  class IslandClock;

  IslandClock& find(IslandId island) const {
    return *islands_.at(static_cast<std::size_t>(island));
  }
  void start_thread(IslandClock& island);
  void start_together();
  void arrive(std::unique_lock<std::mutex>& lock);
  void ended(IslandClock& island);
  void stop_if_over();
  void end_all();
  void rethrow_first_failure(const std::exception_ptr& of_loop) const;

  Trace& trace_;
  const PaceLimits limits_;
  UvLoop uv_;
  std::vector<std::unique_ptr<IslandClock>> islands_;
  std::function<void(IslandId, Clock&)> body_;
  int holders_ = 0;

  std::mutex start_mutex_;  // guards what follows
  std::condition_variable start_;
  int setting_up_ = 0;    // islands that have not made their first call
  bool started_ = false;  // the clock runs, or never will
};

}  // namespace strait
