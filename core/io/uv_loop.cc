#include "core/io/uv_loop.h"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <tuple>

#include "core/base/check.h"
#include "core/base/quantities.h"
#include "core/base/wall_clock.h"
#include "core/io/priority.h"

namespace strait {

/// All of them live from the loop's construction to its end; `data` is the UvLoop.
struct UvLoop::Handles {
  uv_loop_t loop{};
  uv_prepare_t before_sleep{};
  uv_poll_t alarm{};
  uv_poll_t posted{};
  uv_signal_t interrupt{};
  uv_signal_t terminate{};
  int alarm_fd = -1;
  int posted_fd = -1;

  void each(void (*f)(uv_handle_t*)) {
    f(reinterpret_cast<uv_handle_t*>(&before_sleep));
    f(reinterpret_cast<uv_handle_t*>(&alarm));
    f(reinterpret_cast<uv_handle_t*>(&posted));
    f(reinterpret_cast<uv_handle_t*>(&interrupt));
    f(reinterpret_cast<uv_handle_t*>(&terminate));
  }
};

namespace {

/// Only the machine's lack of descriptors or memory can be the reason.
void check_uv(int status, const char* what) {
  if (status < 0) throw std::runtime_error(fmt::format("{}: {}", what, ::uv_strerror(status)));
}

template <class Handle>
UvLoop& loop_of(const Handle* handle) {
  return *static_cast<UvLoop*>(handle->data);
}

/// A pause or a silence may last for ever, which no clock of the machine can hold.
Nanos within_reach(Nanos time) {
  constexpr Nanos kFar = std::chrono::hours(24 * 365);
  return std::min(time, kFar);
}

/// For the calling thread: writing to a peer that has gone fails with EPIPE, as libuv expects, and
/// does not end the program, as SIGPIPE would without a word.
class BrokenPipesAreErrors {
 public:
  BrokenPipesAreErrors() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~BrokenPipesAreErrors() {
    if (::sigismember(&before_, SIGPIPE) == 1) return;
    const timespec now{};
    while (::sigtimedwait(&pipe_, nullptr, &now) > 0) continue;  // those that have come
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  BrokenPipesAreErrors(const BrokenPipesAreErrors&) = delete;
  BrokenPipesAreErrors& operator=(const BrokenPipesAreErrors&) = delete;

 private:
  sigset_t pipe_{};
  sigset_t before_{};
};

}  // namespace

std::string libuv_version() { return ::uv_version_string(); }

UvLoop::UvLoop(PaceLimits limits) : limits_(limits), handles_(std::make_unique<Handles>()) {
  Handles& h = *handles_;
  pace_.limit = limits.max_lateness;
  h.alarm_fd = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (h.alarm_fd < 0) throw std::system_error(errno, std::generic_category(), "timerfd_create");
  // Not uv_async: who receives that spins until the sender has returned, and a sender that was
  // preempted by this loop's priority does so when the kernel has pity, after 50 ms.
  h.posted_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (h.posted_fd < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  check_uv(::uv_loop_init(&h.loop), "uv_loop_init");
  check_uv(::uv_prepare_init(&h.loop, &h.before_sleep), "uv_prepare_init");
  check_uv(::uv_poll_init(&h.loop, &h.alarm, h.alarm_fd), "uv_poll_init");
  check_uv(::uv_poll_init(&h.loop, &h.posted, h.posted_fd), "uv_poll_init");
  check_uv(::uv_signal_init(&h.loop, &h.interrupt), "uv_signal_init");
  check_uv(::uv_signal_init(&h.loop, &h.terminate), "uv_signal_init");
  h.before_sleep.data = h.alarm.data = h.posted.data = h.interrupt.data = h.terminate.data = this;
}

UvLoop::~UvLoop() {
  Handles& h = *handles_;
  h.each([](uv_handle_t* handle) { ::uv_close(handle, nullptr); });
  ::uv_run(&h.loop, UV_RUN_DEFAULT);
  ::uv_loop_close(&h.loop);
  ::close(h.alarm_fd);
  ::close(h.posted_fd);
  // What is dropped may post again, so one by one while the heap is whole.
  take_posted();
  while (timers_.next() != kNever) std::ignore = timers_.pop();
}

TimerId UvLoop::at(Nanos when, Callback f) {
  return timers_.add(std::max(when, now_), std::move(f));
}

void UvLoop::post_from_thread(Nanos when, Callback f) {
  {
    const std::lock_guard lock(posted_mutex_);
    posted_.push_back({when, std::move(f)});
  }
  has_posted_.store(true, std::memory_order_release);
  const std::uint64_t one = 1;
  std::ignore = ::write(handles_->posted_fd, &one, sizeof one);
}

uv_loop_s* UvLoop::handle() { return &handles_->loop; }

void UvLoop::start_clock() {
  if (start_ < Nanos{0}) start_ = monotonic_now();
}

Nanos UvLoop::wall() const { return monotonic_now() - start_; }

std::chrono::steady_clock::time_point UvLoop::moment(Nanos time) const {
  return steady_moment(start_ + within_reach(time));
}

void UvLoop::run() {
  const RaisedPriority priority;
  pace_.priority = priority.got();
  serve();
}

void UvLoop::run_until_idle() {
  ends_when_idle_ = true;
  serve();
}

void UvLoop::serve() {
  const BrokenPipesAreErrors meanwhile;
  Handles& h = *handles_;
  start_clock();
  ::uv_signal_start(
      &h.interrupt, [](uv_signal_t* handle, int) { loop_of(handle).interrupted(); }, SIGINT);
  if (terminate_) {
    const auto terminated = [](uv_signal_t* handle, int) {
      ::uv_signal_stop(handle);  // the next one ends the program
      UvLoop& loop = loop_of(handle);
      loop.happens([&] { std::exchange(loop.terminate_, {})(); });
    };
    ::uv_signal_start(&h.terminate, terminated, SIGTERM);
  }
  ::uv_prepare_start(&h.before_sleep, [](uv_prepare_t* handle) { loop_of(handle).run_due(); });
  ::uv_poll_start(&h.alarm, UV_READABLE,
                  [](uv_poll_t* handle, int, int) { loop_of(handle).rings(); });
  // It only wakes the loop: what is due runs before the next sleep.
  ::uv_poll_start(&h.posted, UV_READABLE, [](uv_poll_t* handle, int, int) {
    std::uint64_t times = 0;
    std::ignore = ::read(loop_of(handle).handles_->posted_fd, &times, sizeof times);
  });
  ::uv_run(&h.loop, UV_RUN_DEFAULT);
  ::uv_prepare_stop(&h.before_sleep);
  ::uv_poll_stop(&h.alarm);
  ::uv_poll_stop(&h.posted);
  ::uv_signal_stop(&h.interrupt);
  ::uv_signal_stop(&h.terminate);
  if (failure_) std::rethrow_exception(failure_);
}

void UvLoop::rings() {
  std::uint64_t times = 0;
  std::ignore = ::read(handles_->alarm_fd, &times, sizeof times);
  pace_.alarms.add(wall() - alarm_);
  alarm_ = kNever;  // it rings once
}

/// What becomes due meanwhile has its turn after libuv's other handles.
void UvLoop::run_due() {
  try {
    take_posted();
    const Nanos until = wall();
    while (timers_.next() <= until && !(stopping_ && timers_.next() > now_)) {
      now_ = timers_.next();
      note(wall() - now_);
      Callback f = timers_.pop();
      f();
      if (has_posted_.load(std::memory_order_acquire)) take_posted();
    }
  } catch (...) {
    return end(std::current_exception());
  }
  const bool idle = timers_.next() == kNever && !has_posted_;
  if (stopping_ || (ends_when_idle_ && idle)) return end({});
  set_alarm();
}

void UvLoop::take_posted() {
  std::vector<Posted> taken;
  {
    const std::lock_guard lock(posted_mutex_);
    has_posted_.store(false, std::memory_order_relaxed);
    taken.swap(posted_);
  }
  for (Posted& posted : taken) at(posted.when, std::move(posted.f));
}

void UvLoop::note(Nanos late) {
  pace_.events.add(late);
  worst_ = std::max(worst_, late);
  if (late <= limits_.max_lateness || limits_.as_it_comes) return;
  too_late(fmt::format("an event ran {:.1f} ms late", 1e3 * seconds(late)));
}

void UvLoop::too_late(const std::string& what) {
  if (pace_.invalid.empty()) {
    pace_.invalid = fmt::format("{} at {:.3f} s; run.max_lateness is {}", what, seconds(now_),
                                format_duration(limits_.max_lateness));
  }
  if (limits_.strict) throw TooLate("run.strict: " + pace_.invalid);
}

void UvLoop::set_alarm() {
  const Nanos next = timers_.next();
  if (next == alarm_) return;
  alarm_ = next;
  itimerspec when{};  // zeros: none
  if (next != kNever) {
    const auto rings = (start_ + within_reach(next)).count();
    when.it_value.tv_sec = rings / 1'000'000'000;
    when.it_value.tv_nsec = rings % 1'000'000'000;
  }
  const int status = ::timerfd_settime(handles_->alarm_fd, TFD_TIMER_ABSTIME, &when, nullptr);
  STRAIT_CHECK(status == 0, "timerfd_settime of {} ns: errno {}", next.count(), errno);
}

/// The first failure counts. Exceptions must not pass libuv's frames.
void UvLoop::end(std::exception_ptr failure) {
  if (failure && !failure_) failure_ = std::move(failure);
  ::uv_stop(&handles_->loop);
}

void UvLoop::interrupted() {
  ::uv_signal_stop(&handles_->interrupt);  // the next one does what Ctrl+C usually does
  end(std::make_exception_ptr(
      Interrupted(fmt::format("stopped by Ctrl+C after {:.1f} s", seconds(wall())))));
}

}  // namespace strait
