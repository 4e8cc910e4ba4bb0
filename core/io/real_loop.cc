#include "core/io/real_loop.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "core/base/check.h"
#include "core/io/island_clock.h"

namespace strait {

RealLoop::RealLoop(int islands, Trace& trace, PaceLimits limits)
    : trace_(trace), limits_(limits), uv_(limits) {
  for (IslandId i = 0; i < islands; ++i) {
    islands_.push_back(std::make_unique<IslandClock>(*this, i));
  }
}

RealLoop::~RealLoop() = default;

Clock& RealLoop::clock(IslandId island) { return find(island); }

void RealLoop::set_pauses(IslandId island, PauseSchedule pauses) {
  find(island).pauses_ = std::move(pauses);
}

void RealLoop::set_absent(IslandId island) {
  find(island).running_ = false;
  find(island).lives_ = 0;
}

bool RealLoop::running(IslandId island) const {
  const std::lock_guard lock(find(island).mutex_);
  return find(island).running_;
}

int RealLoop::life(IslandId island) const {
  const std::lock_guard lock(find(island).mutex_);
  return find(island).lives_ - 1;
}

void RealLoop::run(const std::function<void(IslandId, Clock&)>& body) {
  body_ = body;
  std::exception_ptr failure;
  try {
    start_together();
    uv_.run();
  } catch (...) {
    failure = std::current_exception();
  }
  end_all();
  rethrow_first_failure(failure);
}

/// Waits, before the clock runs, until all who are there have set themselves up.
void RealLoop::start_together() {
  std::vector<IslandClock*> starters;
  for (const auto& island : islands_) {
    if (running(island->island_)) starters.push_back(island.get());
  }
  setting_up_ = static_cast<int>(starters.size());
  for (IslandClock* island : starters) start_thread(*island);
  uv_.post([this] { stop_if_over(); });  // perhaps nobody is there
  std::unique_lock lock(start_mutex_);
  start_.wait(lock, [this] { return setting_up_ == 0; });
  uv_.start_clock();
  started_ = true;
  start_.notify_all();
}

void RealLoop::arrive(std::unique_lock<std::mutex>&) {
  if (started_ || --setting_up_ > 0) return;
  start_.notify_all();
}

void RealLoop::start_thread(IslandClock& island) {
  island.thread_ = std::thread([&island] { island.live(); });
}

void RealLoop::kill(IslandId island) {
  IslandClock& dying = find(island);
  Fifo<Callback> dropped;  // outside of the lock, since what it held may post
  {
    const std::lock_guard lock(dying.mutex_);
    if (!dying.running_) return;
    dying.killed_ = true;
    if (!dying.thread_.joinable()) dying.running_ = false;  // it was to begin in this instant
    dropped = std::exchange(dying.posted_, {});
    dying.changed_.notify_one();
  }
  trace_.add({now(), TraceKind::kIslandKilled, island});
  if (!dying.thread_.joinable()) return;
  dying.thread_.join();
  if (dying.failure_) std::rethrow_exception(dying.failure_);
}

void RealLoop::start_island(IslandId island) {
  IslandClock& born = find(island);
  STRAIT_CHECK(!running(island) && body_ != nullptr,
               "island {} is started, but it is running, or the run is not", island);
  if (born.thread_.joinable()) born.thread_.join();
  int life = 0;
  {
    const std::lock_guard lock(born.mutex_);
    born.running_ = true;
    born.killed_ = false;
    born.unsettled_ = 0;
    life = ++born.lives_;
  }
  born.begun_ = false;
  born.now_ = now();
  born.done_ = born.behind_ = born.waited_ = Nanos{0};
  trace_.add({now(), TraceKind::kIslandJoined, island});
  // Later, so that whoever starts it can get ready what the island will use.
  post([this, &born, life] {
    if (running(born.island_) && life == born.lives_) start_thread(born);
  });
}

void RealLoop::let_close() {
  --holders_;
  stop_if_over();
}

/// An event, when a life has ended by itself or was killed.
void RealLoop::ended(IslandClock& island) {
  {
    const std::lock_guard lock(island.mutex_);
    if (island.failure_) uv_.stop();
  }
  stop_if_over();
}

void RealLoop::stop_if_over() {
  const bool somebody = std::any_of(islands_.begin(), islands_.end(), [this](const auto& island) {
    return running(island->island_);
  });
  if (holders_ == 0 && !somebody) uv_.stop();
}

/// Whoever still blocks is thrown out.
void RealLoop::end_all() {
  {
    const std::lock_guard lock(start_mutex_);
    started_ = true;  // a failure before the clock ran
    start_.notify_all();
  }
  for (const auto& island : islands_) {
    const std::lock_guard lock(island->mutex_);
    island->ended_ = true;
    island->changed_.notify_one();
  }
  for (const auto& island : islands_) {
    if (island->thread_.joinable()) island->thread_.join();
  }
}

void RealLoop::rethrow_first_failure(const std::exception_ptr& of_loop) const {
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

Pace RealLoop::pace() const {
  Pace pace = uv_.pace();
  for (const auto& island : islands_) {
    pace.posts.add(island->posted_late_);
    pace.wake_ups.add(island->wake_ups_);
    pace.work.add(island->work_);
  }
  return pace;
}

}  // namespace strait
