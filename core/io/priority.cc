#include "core/io/priority.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>

namespace strait {
namespace {

constexpr int kNice = -10;

// Linux: 0 names the calling thread, also for setpriority().
bool schedule(int policy, int priority) {
  const sched_param parameters{.sched_priority = priority};
  return ::sched_setscheduler(0, policy, &parameters) == 0;
}

}  // namespace

RaisedPriority::RaisedPriority(int priority) {
  sched_param before{};
  ::sched_getparam(0, &before);
  policy_ = ::sched_getscheduler(0);
  priority_ = before.sched_priority;
  nice_ = ::getpriority(PRIO_PROCESS, 0);
  if (schedule(SCHED_FIFO | SCHED_RESET_ON_FORK, priority)) {
    got_ = fmt::format("SCHED_FIFO {}", priority);
  } else if (schedule(SCHED_OTHER | SCHED_RESET_ON_FORK, 0) &&
             ::setpriority(PRIO_PROCESS, 0, kNice) == 0) {
    got_ = "nice -10";
  } else {
    got_ = "none, for lack of permission; run as root, or raise the limits with ulimit -r 1 -e 30";
  }
}

RaisedPriority::~RaisedPriority() {
  // Who may not raise priorities may lower them, but not take that flag away.
  if (!schedule(policy_, priority_)) schedule(policy_ | SCHED_RESET_ON_FORK, priority_);
  ::setpriority(PRIO_PROCESS, 0, nice_);
}

}  // namespace strait
