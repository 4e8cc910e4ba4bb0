#include "netsim/virtual_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <thread>

#include "core/base/check.h"
#include "core/base/interrupt.h"
#include "netsim/fiber.h"

namespace strait {

class VirtualLoop::IslandClock final : public Clock {
 public:
  enum class State {
    kActive,     // runs code of its own; time stands still
    kComputing,  // announced its end; its work may still be being done
    kWaiting,    // for a ticket
    kGone,       // has no thread: absent, killed, or its body has returned
  };

  IslandClock(VirtualLoop& loop, IslandId island) : loop_(loop), island_(island) {}

  Nanos now() const override { return now_; }
  Nanos waited() const override { return waited_; }

  void compute(Nanos cost, const std::function<void()>& work) override {
    STRAIT_CHECK(cost >= Nanos{0}, "island {} announces {} ns", island_, cost.count());
    std::unique_lock lock(loop_.mutex_);
    check_may_block("compute");
    end_ = pauses_.compute_end(now_, cost);
    announced_ = cost;
    work_done_ = false;
    leave(State::kComputing);
    lock.unlock();
    std::exception_ptr failure;
    try {
      work();
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    work_done_ = true;
    loop_.quiet_.notify_one();
    sleep(lock);
    if (failure) std::rethrow_exception(failure);
  }

  void post(Callback f) override {
    const std::lock_guard lock(loop_.mutex_);
    STRAIT_CHECK(state_ == State::kActive, "island {} posts while it computes", island_);
    posted_.push_back(std::move(f));
  }

  void settle() override {}

  void wait(TicketState& ticket) override {
    std::unique_lock lock(loop_.mutex_);
    check_may_block("wait");
    if (ticket.completed) return;
    const Nanos since = now_;
    waits_for_ = &ticket;
    leave(State::kWaiting);
    sleep(lock);
    waits_for_ = nullptr;
    waited_ += now_ - since;
  }

  bool ready(const TicketState& ticket) const override {
    const std::lock_guard lock(loop_.mutex_);
    STRAIT_CHECK(state_ == State::kActive, "island {} asks ready() inside compute()", island_);
    return ticket.completed;
  }

  void complete(TicketState& ticket) override {
    const std::lock_guard lock(loop_.mutex_);
    ticket.completed = true;
    ticket.completed_at = loop_.now_;
    if (state_ == State::kWaiting && waits_for_ == &ticket) end_ = pauses_.resume(loop_.now_);
  }

  /// What the island's thread or fiber does: one life.
  void live() {
    std::exception_ptr failure;
    try {
      std::unique_lock lock(loop_.mutex_);
      sleep(lock);
      lock.unlock();
      loop_.body_(island_, *this);
    } catch (const Killed&) {
    } catch (...) {
      failure = std::current_exception();
    }
    const std::lock_guard lock(loop_.mutex_);
    if (failure) {
      loop_.failed_ = true;
      failure_ = failure;
    }
    leave(State::kGone);
  }

 private:
  friend class VirtualLoop;

  void check_may_block(const char* what) const {
    STRAIT_CHECK(state_ == State::kActive, "island {} calls {} while it computes", island_, what);
    throw_if_over();
  }

  void throw_if_over() const {
    if (killed_) throw Killed("the island was killed");
    if (loop_.cancelled_) throw Cancelled("the run has ended");
  }

  void leave(State state) {
    state_ = state;
    if (--loop_.active_ == 0) loop_.quiet_.notify_one();
  }

  void make_active() {
    state_ = State::kActive;
    ++loop_.active_;
    awake_.notify_one();
  }

  /// Until the loop makes this island active. `lock` is held before and after.
  void sleep(std::unique_lock<std::mutex>& lock) {
    const auto active = [&] { return state_ == State::kActive; };
    if (!fiber_) {
      awake_.wait(lock, active);
    } else if (!active()) {
      lock.unlock();
      fiber_->suspend();
      lock.lock();
    }
    throw_if_over();
  }

  VirtualLoop& loop_;
  const IslandId island_;
  PauseSchedule pauses_;
  State state_ = State::kWaiting;  // for the start of the run
  Nanos now_{0};
  Nanos end_{0};  // when it wakes next, if that is known; kNever while it waits
  Nanos announced_{-1};
  Nanos waited_{0};
  bool work_done_ = true;
  TicketState* waits_for_ = nullptr;
  std::vector<Callback> posted_;
  std::condition_variable awake_;
  int lives_ = 1;  // started so far, this one included
  bool killed_ = false;
  std::exception_ptr failure_;  // what its body threw
  // Where a life runs, one of the two.
  std::jthread thread_;
  std::unique_ptr<Fiber> fiber_;
};

VirtualLoop::VirtualLoop(int islands, Trace& trace, VirtualLoopOptions options)
    : trace_(trace), options_(options) {
  for (IslandId i = 0; i < islands; ++i)
    islands_.push_back(std::make_unique<IslandClock>(*this, i));
}

VirtualLoop::~VirtualLoop() {
  // What is dropped may post again, so one by one while the queues are whole.
  while (!posted_.empty() || timers_.next() != kNever) {
    if (posted_.empty()) {
      std::ignore = timers_.pop();
    } else {
      const Posted dropped = posted_.pop_front();
    }
  }
}

TimerId VirtualLoop::at(Nanos when, Callback f) {
  return timers_.add(std::max(when, now_), std::move(f));
}

Clock& VirtualLoop::clock(IslandId island) { return find(island); }

void VirtualLoop::set_pauses(IslandId island, PauseSchedule pauses) {
  find(island).pauses_ = std::move(pauses);
}

void VirtualLoop::set_absent(IslandId island) {
  find(island).state_ = IslandClock::State::kGone;
  find(island).lives_ = 0;
}

bool VirtualLoop::running(IslandId island) const {
  const std::lock_guard lock(mutex_);
  return find(island).state_ != IslandClock::State::kGone;
}

int VirtualLoop::life(IslandId island) const { return find(island).lives_ - 1; }

void VirtualLoop::run(const std::function<void(IslandId, Clock&)>& body) {
  body_ = body;
  std::exception_ptr failure;
  try {
    for (const auto& island : islands_) {
      if (island->state_ != IslandClock::State::kGone) begin_life(*island);
    }
    run_loop();
  } catch (...) {
    failure = std::current_exception();
  }
  cancel_islands();
  for (const auto& island : islands_) {
    if (island->thread_.joinable()) island->thread_.join();
  }
  rethrow_first_failure(failure);
}

void VirtualLoop::begin_life(IslandClock& island) {
  if (options_.parallel) {
    island.thread_ = std::jthread([&island] { island.live(); });
  } else {
    island.fiber_ = std::make_unique<Fiber>([&island] { island.live(); });
  }
}

void VirtualLoop::wait_until(std::unique_lock<std::mutex>& lock,
                             const std::function<bool()>& condition) {
  if (options_.parallel) return quiet_.wait(lock, condition);
  for (const auto& island : islands_) {
    if (island->state_ != IslandClock::State::kActive) continue;
    lock.unlock();
    island->fiber_->resume();
    lock.lock();
  }
}

void VirtualLoop::rethrow_first_failure(const std::exception_ptr& of_loop) const {
  std::vector<std::exception_ptr> failures{of_loop};
  for (const auto& island : islands_) failures.push_back(island->failure_);
  std::exception_ptr cancelled;
  for (const auto& failure : failures) {
    if (!failure) continue;
    try {
      std::rethrow_exception(failure);
    } catch (const Cancelled&) {
      cancelled = failure;  // the consequence of another failure, unless it is the only one
    }
  }
  if (cancelled) std::rethrow_exception(cancelled);
}

void VirtualLoop::kill(IslandId island) {
  IslandClock& dying = find(island);
  {
    std::unique_lock lock(mutex_);
    if (dying.state_ == IslandClock::State::kGone) return;
    STRAIT_CHECK(active_ == 0 && (dying.thread_.joinable() || dying.fiber_),
                 "island {} is killed, but not by an event of the run", island);
    wait_until(lock, [&] { return dying.work_done_; });
    trace_.add({now_, TraceKind::kIslandKilled, island});
    dying.killed_ = true;
    dying.now_ = now_;
    dying.make_active();
    wait_until(lock, [&] { return active_ == 0; });
  }
  if (dying.thread_.joinable()) dying.thread_.join();
  // Dropped when the queue is whole, since what a callback held may post again.
  std::vector<Callback> dropped = std::move(dying.posted_);
  for (std::size_t i = 0; i < posted_.size(); ++i) {
    Posted& posted = posted_[i];
    if (posted.by == &dying) dropped.push_back(std::move(posted.f));
  }
  if (dying.failure_) std::rethrow_exception(dying.failure_);
}

void VirtualLoop::start_island(IslandId island) {
  IslandClock& born = find(island);
  {
    const std::lock_guard lock(mutex_);
    STRAIT_CHECK(born.state_ == IslandClock::State::kGone && body_ != nullptr,
                 "island {} is started, but it is running, or the run is not", island);
    born.state_ = IslandClock::State::kWaiting;
    born.killed_ = false;
    born.now_ = born.end_ = now_;
    born.waited_ = Nanos{0};
    born.waits_for_ = nullptr;
    born.work_done_ = true;
    ++born.lives_;
  }
  if (born.thread_.joinable()) born.thread_.join();
  trace_.add({now_, TraceKind::kIslandJoined, island});
  begin_life(born);
}

void VirtualLoop::run_loop() {
  while (true) {
    {
      std::unique_lock lock(mutex_);
      wait_until(lock, [&] { return active_ == 0; });
      if (failed_) return;
      take_posts();
    }
    if (interrupt_asked()) throw Interrupted("stopped by Ctrl+C");
    run_instant();
    if (over()) return;
    const auto due = due_now();
    if (due.empty()) {
      advance();
    } else {
      wake(due);
    }
  }
}

void VirtualLoop::run_until_idle() {
  for (run_instant(); timers_.next() != kNever; run_instant()) now_ = timers_.next();
}

void VirtualLoop::run_instant() {
  while (true) {
    const bool timer_due = timers_.next() <= now_;
    if (!timer_due && posted_.empty()) return;
    Callback f;
    if (posted_.empty() || (timer_due && timers_.order() < posted_.front().order)) {
      f = timers_.pop();
    } else {
      f = posted_.pop_front().f;
    }
    if (f) f();
  }
}

void VirtualLoop::take_posts() {
  for (const auto& island : islands_) {
    if (island->announced_ >= Nanos{0}) {
      trace_.add({now_, TraceKind::kComputeStart, island->island_, island->announced_.count()});
      island->announced_ = Nanos{-1};
    }
    for (auto& f : island->posted_) {
      posted_.push_back({timers_.take_order(), std::move(f), island.get()});
    }
    island->posted_.clear();
  }
}

// While an instant runs, all islands wait or have announced how long they compute.
Nanos VirtualLoop::quiet_until() {
  if (!posted_.empty()) return now_;
  Nanos until = timers_.next();
  for (const auto& island : islands_) {
    if (island->state_ != IslandClock::State::kGone) until = std::min(until, island->end_);
  }
  return std::max(until, now_);
}

bool VirtualLoop::over() const {
  return holders_ == 0 && std::all_of(islands_.begin(), islands_.end(), [](const auto& island) {
           return island->state_ == IslandClock::State::kGone;
         });
}

std::vector<VirtualLoop::IslandClock*> VirtualLoop::due_now() const {
  std::vector<IslandClock*> due;
  for (const auto& island : islands_) {
    if (island->state_ != IslandClock::State::kGone && island->end_ <= now_) {
      due.push_back(island.get());
    }
  }
  return due;
}

void VirtualLoop::wake(const std::vector<IslandClock*>& due) {
  std::unique_lock lock(mutex_);
  wait_until(lock, [&] {
    return std::all_of(due.begin(), due.end(), [](const auto* i) { return i->work_done_; });
  });
  for (auto* island : due) {
    trace_.add({now_, TraceKind::kIslandWakes, island->island_});
    island->now_ = now_;
    island->end_ = kNever;
    island->make_active();
  }
}

void VirtualLoop::advance() {
  Nanos wake_up = kNever;
  for (const auto& island : islands_) {
    if (island->state_ != IslandClock::State::kGone) wake_up = std::min(wake_up, island->end_);
  }
  const Nanos next = std::min(wake_up, timers_.next());
  if (trace_.progress() != seen_progress_) {
    seen_progress_ = trace_.progress();
    last_progress_ = now_;
  }
  if (next == kNever) report_deadlock("nothing is left to happen");
  // Who has announced an end wakes for sure, however long that takes; and a start will come.
  const bool sure = wake_up != kNever || holders_ > 0;
  if (!sure && next - last_progress_ > options_.stall_limit) {
    report_deadlock("nothing has advanced for an hour,");
  }
  now_ = next;
}

void VirtualLoop::cancel_islands() {
  std::unique_lock lock(mutex_);
  cancelled_ = true;
  for (const auto& island : islands_) {
    if (island->state_ == IslandClock::State::kActive) continue;
    if (island->state_ == IslandClock::State::kGone) continue;
    island->make_active();
  }
  wait_until(lock, [&] { return active_ == 0; });
}

void VirtualLoop::report_deadlock(const std::string& why) const {
  std::string text = fmt::format("deadlock: {} since {:.6f} s", why, seconds(last_progress_));
  for (const auto& island : islands_) {
    if (island->state_ == IslandClock::State::kGone) continue;
    if (island->state_ == IslandClock::State::kComputing) {
      text += fmt::format("; island {} stands still since {:.6f} s", island->island_,
                          seconds(island->now_));
    } else if (island->waits_for_ != nullptr) {
      text += fmt::format("; island {} waits for {} since {:.6f} s", island->island_,
                          island->waits_for_->label, seconds(island->now_));
    }
  }
  if (holders_ > 0) text += "; an island was still to be started";
  throw Deadlock(text);
}

}  // namespace strait
