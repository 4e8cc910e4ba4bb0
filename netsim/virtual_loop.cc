#include "netsim/virtual_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <thread>

#include "core/base/check.h"

namespace strait {

class VirtualLoop::IslandClock final : public Clock {
 public:
  enum class State {
    kActive,     // runs code of its own; time stands still
    kComputing,  // announced its end; its work may still be being done
    kWaiting,    // for a ticket
    kFinished,
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
    if (state_ == State::kWaiting && waits_for_ == &ticket) end_ = pauses_.resume(loop_.now_);
  }

  /// First and last thing that the island's thread does.
  void begin() {
    std::unique_lock lock(loop_.mutex_);
    sleep(lock);
  }
  void finish(bool failed) {
    const std::lock_guard lock(loop_.mutex_);
    if (failed) loop_.failed_ = true;
    if (holds_turn_) loop_.turn_.unlock();
    holds_turn_ = false;
    leave(State::kFinished);
  }

 private:
  friend class VirtualLoop;

  void check_may_block(const char* what) const {
    STRAIT_CHECK(state_ == State::kActive, "island {} calls {} while it computes", island_, what);
    if (loop_.cancelled_) throw Cancelled("the run has ended");
  }

  void leave(State state) {
    state_ = state;
    if (--loop_.active_ == 0) loop_.quiet_.notify_one();
  }

  /// Until the loop makes this island active. `lock` is held before and after; the turn, if islands
  /// take turns, is not held while asleep.
  void sleep(std::unique_lock<std::mutex>& lock) {
    if (holds_turn_) loop_.turn_.unlock();
    holds_turn_ = false;
    awake_.wait(lock, [&] { return state_ == State::kActive; });
    const bool cancelled = loop_.cancelled_;
    lock.unlock();
    if (!loop_.options_.parallel) {
      loop_.turn_.lock();
      holds_turn_ = true;
    }
    lock.lock();
    if (cancelled) throw Cancelled("the run has ended");
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
  bool holds_turn_ = false;
  TicketState* waits_for_ = nullptr;
  std::vector<Callback> posted_;
  std::condition_variable awake_;
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

Clock& VirtualLoop::clock(IslandId island) {
  return *islands_.at(static_cast<std::size_t>(island));
}

void VirtualLoop::set_pauses(IslandId island, PauseSchedule pauses) {
  islands_.at(static_cast<std::size_t>(island))->pauses_ = std::move(pauses);
}

void VirtualLoop::run(const std::function<void(IslandId, Clock&)>& body) {
  const auto count = islands_.size();
  std::vector<std::exception_ptr> failures(count + 1);
  const auto live = [&](std::size_t i) {
    try {
      islands_[i]->begin();
      body(static_cast<IslandId>(i), *islands_[i]);
    } catch (...) {
      failures[i + 1] = std::current_exception();
    }
    islands_[i]->finish(/*failed=*/failures[i + 1] != nullptr);
  };
  std::vector<std::jthread> threads;
  try {
    for (std::size_t i = 0; i < count; ++i) threads.emplace_back(live, i);
    run_loop();
  } catch (...) {
    failures[0] = std::current_exception();
  }
  cancel_islands();
  threads.clear();  // joins
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

void VirtualLoop::run_loop() {
  while (true) {
    {
      std::unique_lock lock(mutex_);
      quiet_.wait(lock, [&] { return active_ == 0; });
      if (failed_) return;
      take_posts();
    }
    run_instant();
    if (all_finished()) return;
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
    f();
  }
}

void VirtualLoop::take_posts() {
  for (const auto& island : islands_) {
    if (island->announced_ >= Nanos{0}) {
      trace_.add({now_, TraceKind::kComputeStart, island->island_, island->announced_.count()});
      island->announced_ = Nanos{-1};
    }
    for (auto& f : island->posted_) post(std::move(f));
    island->posted_.clear();
  }
}

bool VirtualLoop::all_finished() const {
  return std::all_of(islands_.begin(), islands_.end(), [](const auto& island) {
    return island->state_ == IslandClock::State::kFinished;
  });
}

std::vector<VirtualLoop::IslandClock*> VirtualLoop::due_now() const {
  std::vector<IslandClock*> due;
  for (const auto& island : islands_) {
    if (island->state_ != IslandClock::State::kFinished && island->end_ <= now_) {
      due.push_back(island.get());
    }
  }
  return due;
}

void VirtualLoop::wake(const std::vector<IslandClock*>& due) {
  std::unique_lock lock(mutex_);
  quiet_.wait(lock, [&] {
    return std::all_of(due.begin(), due.end(), [](const auto* i) { return i->work_done_; });
  });
  for (auto* island : due) {
    trace_.add({now_, TraceKind::kIslandWakes, island->island_});
    island->now_ = now_;
    island->end_ = kNever;
    island->state_ = IslandClock::State::kActive;
    ++active_;
  }
  last_progress_ = now_;
  for (auto* island : due) island->awake_.notify_one();
}

void VirtualLoop::advance() {
  Nanos wake_up = kNever;
  for (const auto& island : islands_) {
    if (island->state_ != IslandClock::State::kFinished) wake_up = std::min(wake_up, island->end_);
  }
  const Nanos next = std::min(wake_up, timers_.next());
  if (next == kNever) report_deadlock("nothing is left to happen");
  if (trace_.records() != last_records_) {
    last_records_ = trace_.records();
    last_progress_ = now_;
  }
  // Who has announced an end wakes for sure, however long that takes.
  if (wake_up == kNever && next - last_progress_ > options_.stall_limit) {
    report_deadlock("nothing has advanced for an hour,");
  }
  now_ = next;
}

void VirtualLoop::cancel_islands() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  for (const auto& island : islands_) {
    if (island->state_ == IslandClock::State::kActive) continue;
    if (island->state_ == IslandClock::State::kFinished) continue;
    island->state_ = IslandClock::State::kActive;
    ++active_;
    island->awake_.notify_one();
  }
}

void VirtualLoop::report_deadlock(const std::string& why) const {
  std::string text = fmt::format("deadlock: {} since {:.6f} s", why, seconds(last_progress_));
  for (const auto& island : islands_) {
    if (island->state_ == IslandClock::State::kComputing) {
      text += fmt::format("; island {} stands still since {:.6f} s", island->island_,
                          seconds(island->now_));
    } else if (island->waits_for_ != nullptr) {
      text += fmt::format("; island {} waits for {} since {:.6f} s", island->island_,
                          island->waits_for_->label, seconds(island->now_));
    }
  }
  throw Deadlock(text);
}

}  // namespace strait
