#include "core/io/island_clock.h"

#include <fmt/format.h>
#include <sys/prctl.h>

#include <algorithm>
#include <utility>

#include "core/base/check.h"

namespace strait {

void RealLoop::IslandClock::compute(Nanos cost, const std::function<void()>& work) {
  STRAIT_CHECK(cost >= Nanos{0}, "island {} announces {} ns", island_, cost.count());
  STRAIT_CHECK(!works_, "island {} calls compute while it computes", island_);
  begin();
  {
    const Lock lock(mutex_);
    throw_if_over();
  }
  const Nanos end = pauses_.compute_end(now_, cost);
  works_ = true;
  std::exception_ptr failure;
  try {
    work();
  } catch (...) {
    failure = std::current_exception();
  }
  works_ = false;
  const Nanos done = loop_.uv_.wall();
  if (loop_.limits_.as_it_comes) {
    now_ = std::max(now_, done);
    const Lock lock(mutex_);
    throw_if_over();
    if (failure) std::rethrow_exception(failure);
    return;
  }
  now_ = end;
  if (done > end) done_ = done;
  if (cost > Nanos{0}) behind_ = std::max(done - end, Nanos{0});
  Lock lock(mutex_);
  if (cost > Nanos{0}) work_.add(done - end);
  if (done < end) sleep_until(lock, end);
  throw_if_over();
  if (failure) std::rethrow_exception(failure);
}

void RealLoop::IslandClock::post(Callback f) {
  STRAIT_CHECK(!works_, "island {} posts while it computes", island_);
  begin();
  Lock lock(mutex_);
  if (over()) return;  // nobody runs it any more
  posted_.push_back(std::move(f));
  ++unsettled_;
  const Nanos time = std::max(now_, done_), late = loop_.uv_.wall() - time;
  posted_late_.add(late);
  const int life = lives_;
  lock.unlock();  // the loop, which preempts us, would only wait for it
  loop_.uv_.post_from_thread(time, [this, life, behind = behind_, late] {
    judge("was done {:.1f} ms later than it announced", behind);
    judge("posted {:.1f} ms late", late);
    run_posted(life);
  });
}

void RealLoop::IslandClock::settle() {
  STRAIT_CHECK(!works_, "island {} settles while it computes", island_);
  Lock lock(mutex_);
  changed_.wait(lock, [this] { return unsettled_ == 0 || over(); });
}

/// On the loop: whether what the island did was too late.
void RealLoop::IslandClock::judge(fmt::string_view what, Nanos late) {
  if (late <= loop_.limits_.max_lateness || loop_.limits_.as_it_comes) return;
  loop_.uv_.too_late(fmt::format("island {} ", island_) +
                     fmt::format(fmt::runtime(what), 1e3 * seconds(late)));
}

/// On the loop: the next one, as long as that life lasts.
void RealLoop::IslandClock::run_posted(int life) {
  Callback f;
  {
    const Lock lock(mutex_);
    if (life != lives_ || killed_) return;
    f = posted_.pop_front();
  }
  f();
  const Lock lock(mutex_);
  if (life != lives_ || --unsettled_ > 0) return;
  changed_.notify_one();
}

void RealLoop::IslandClock::wait(TicketState& ticket) {
  STRAIT_CHECK(!works_, "island {} waits while it computes", island_);
  begin();
  Lock lock(mutex_);
  throw_if_over();
  changed_.wait(lock, [&] { return ticket.completed || over(); });
  throw_if_over();
  if (ticket.completed_at <= now_) return;
  behind_ = Nanos{0};
  const Nanos since = std::exchange(now_, pauses_.resume(ticket.completed_at));
  waited_ += now_ - since;
  sleep_until(lock, now_);
  throw_if_over();
}

bool RealLoop::IslandClock::ready(const TicketState& ticket) const {
  STRAIT_CHECK(!works_, "island {} asks ready() inside compute()", island_);
  const Lock lock(mutex_);
  return ticket.completed && ticket.completed_at <= now_;
}

void RealLoop::IslandClock::complete(TicketState& ticket) {
  const Lock lock(mutex_);
  ticket.completed = true;
  ticket.completed_at = loop_.uv_.now();
  changed_.notify_one();
}

/// What the island's thread does: one life.
void RealLoop::IslandClock::live() {
  ::prctl(PR_SET_TIMERSLACK, 1UL);  // else the kernel adds 50 us to every sleep
  std::exception_ptr failure;
  try {
    loop_.body_(island_, *this);
  } catch (const Killed&) {
  } catch (...) {
    failure = std::current_exception();
  }
  if (!begun_) {
    Lock lock(loop_.start_mutex_);
    loop_.arrive(lock);
  }
  settle();  // its last words count, also if the run ends with it
  const Lock lock(mutex_);
  failure_ = failure;
  running_ = false;
  loop_.uv_.post_from_thread(std::max(now_, done_), [this] { loop_.ended(*this); });
}

/// What a life does before its first call is setting itself up.
void RealLoop::IslandClock::begin() {
  if (begun_) return;
  begun_ = true;
  Lock lock(loop_.start_mutex_);
  if (loop_.started_) {
    now_ = std::max(now_, loop_.uv_.wall());
  } else {
    loop_.arrive(lock);
    loop_.start_.wait(lock, [this] { return loop_.started_; });
  }
}

void RealLoop::IslandClock::sleep_until(Lock& lock, Nanos end) {
  changed_.wait_until(lock, loop_.uv_.moment(end), [this] { return over(); });
  if (!over()) wake_ups_.add(loop_.uv_.wall() - end);
}

void RealLoop::IslandClock::throw_if_over() const {
  if (killed_) throw Killed("the island was killed");
  if (ended_) throw Cancelled("the run has ended");
}

}  // namespace strait
