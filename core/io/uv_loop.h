// UvLoop: the loop by the wall clock, on libuv.
//
// Deadlines come from the model, never from the last wake-up: an event that runs late still runs at
// its own time (now() is that time), so what it asks for is no later than it would have been, and
// delays do not add up. How late events ran is measured.
//
//   * libuv's timers count whole milliseconds, so the next deadline is a timerfd on
//   CLOCK_MONOTONIC;
//   * other threads hand events in through post_from_thread(), each with the time it is for;
//   * everything that is due runs in one place, before the loop sleeps, in the order (time, order
//     of the calls). In between libuv serves its other handles: sockets, once there are some.
//
// Thread: run() and all else are the loop's thread's, but for wall(), moment() and
// post_from_thread(). Errors: an exception out of an event ends run(), which passes it on.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/base/event_heap.h"
#include "core/base/interrupt.h"
#include "core/base/loop.h"
#include "core/io/lateness.h"

struct uv_loop_s;

namespace strait {

/// Of the library.
std::string libuv_version();

class UvLoop final : public Loop {
 public:
  explicit UvLoop(PaceLimits limits = {});
  ~UvLoop() override;
  UvLoop(const UvLoop&) = delete;
  UvLoop& operator=(const UvLoop&) = delete;

  /// The time of the event that runs, or ran last; behind wall() by how late it is.
  Nanos now() const override { return now_; }
  void post(Callback f) override { at(now_, std::move(f)); }
  TimerId at(Nanos when, Callback f) override;
  void cancel(TimerId timer) override { timers_.cancel(timer); }

  /// Any thread, while the loop exists: runs `f` at `when`, or if that has passed as soon as it can
  /// and at the time of the event that ran last, but not before `when`.
  void post_from_thread(Nanos when, Callback f);

  /// Time 0 is now. run() does it if nobody has.
  void start_clock();

  /// Runs events until stop(), Ctrl+C (Interrupted; a second one ends the program at once) or a
  /// failure. The thread has raised priority meanwhile. Once.
  void run();

  /// The same until no event is left that could run (for tests). Again and again.
  void run_until_idle();

  /// What SIGTERM does while the loop runs, instead of ending the program; once.
  void on_terminate(Callback f) { terminate_ = std::move(f); }

  /// run() returns when the other events of this instant have run.
  void stop() { stopping_ = true; }

  /// For up-calls of libuv's handles: runs what is due, then `f` as an event of this moment, then
  /// what it has made due, so that what has just arrived is dealt with while it is in the cache.
  template <class F>
  void happens(F&& f) {
    run_due();
    if (failure_) return;
    now_ = std::max(now_, wall());
    try {
      f();
    } catch (...) {
      return end(std::current_exception());
    }
    run_due();
  }

  /// For libuv's handles of this folder, which are closed before the loop's end.
  uv_loop_s* handle();

  /// Any thread, after start_clock(): time since then by the wall clock, and the moment at which
  /// it is `time`.
  Nanos wall() const;
  std::chrono::steady_clock::time_point moment(Nanos time) const;

  /// Something that `what` names was later than the limits allow: the run is invalid. In an event:
  /// throws TooLate if the run is strict.
  void too_late(const std::string& what);

  /// How late events ran so far, and what was asked for. Islands' figures are empty.
  const Pace& pace() const { return pace_; }

  /// The largest lateness of an event since the last call.
  Nanos take_worst() { return std::exchange(worst_, Nanos{0}); }

 private:
  struct Handles;  // libuv's

  void serve();
  void rings();
  void run_due();
  void take_posted();
  void note(Nanos late);
  void set_alarm();
  void end(std::exception_ptr failure);
  void interrupted();

  struct Posted {
    Nanos when;
    Callback f;
  };

  const PaceLimits limits_;
  std::unique_ptr<Handles> handles_;
  EventHeap timers_;
  Nanos now_{0};
  Nanos start_{-1};  // of the clock, monotonic; -1: not yet
  Nanos alarm_ = kNever;
  bool stopping_ = false;
  bool ends_when_idle_ = false;
  std::exception_ptr failure_;
  Callback terminate_;
  Pace pace_;
  Nanos worst_{0};

  std::mutex posted_mutex_;
  std::vector<Posted> posted_;
  std::atomic<bool> has_posted_ = false;
};

}  // namespace strait
