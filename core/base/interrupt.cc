#include "core/base/interrupt.h"

#include <atomic>
#include <csignal>

namespace strait {
namespace {

std::atomic<bool> asked{false};
static_assert(std::atomic<bool>::is_always_lock_free, "the handler of a signal sets it");

void on_interrupt(int) { asked.store(true); }

}  // namespace

InterruptWatch::InterruptWatch() {
  asked.store(false);
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  ::sigaction(SIGINT, &action, nullptr);
}

InterruptWatch::~InterruptWatch() {
  std::signal(SIGINT, SIG_DFL);
  asked.store(false);
}

bool interrupt_asked() { return asked.load(std::memory_order_relaxed); }

}  // namespace strait
