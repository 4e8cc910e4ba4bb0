#include "netsim/fiber.h"

#include <boost/context/fiber.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>
#include <utility>

#include "core/base/check.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#elif defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace strait {

namespace {

namespace context = boost::context;

constexpr std::size_t kStackBytes = std::size_t{8} << 20;

/// What the sanitizer knows of one side of a fiber: who resumes it, or its body.
struct Side {
#if defined(__SANITIZE_ADDRESS__)
  const void* bottom = nullptr;
  std::size_t bytes = 0;
  void* locals = nullptr;  // the sanitizer's own, while the side stands still
#elif defined(__SANITIZE_THREAD__)
  void* fiber = nullptr;
#endif
};

/// Before changing from one side to the other. `for_good`: nothing comes back.
void leaving([[maybe_unused]] Side& from, [[maybe_unused]] const Side& to,
             [[maybe_unused]] bool for_good) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(for_good ? nullptr : &from.locals, to.bottom, to.bytes);
#elif defined(__SANITIZE_THREAD__)
  __tsan_switch_to_fiber(to.fiber, 0);
#endif
}

/// After it, on the other side. Says where `from` lies.
void arrived([[maybe_unused]] Side& from, [[maybe_unused]] Side& to) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(std::exchange(to.locals, nullptr), &from.bottom, &from.bytes);
#endif
}

}  // namespace

struct Fiber::State {
  std::function<void()> body;
  context::fiber inside, outside;  // of the two the one that stands still
  Side body_side, caller_side;
  bool done = false;
};

Fiber::Fiber(std::function<void()> body) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.body = std::move(body);
#if defined(__SANITIZE_THREAD__)
  s.body_side.fiber = __tsan_create_fiber(0);
#endif
  context::protected_fixedsize_stack stacks(kStackBytes);
  const context::stack_context stack = stacks.allocate();
#if defined(__SANITIZE_ADDRESS__)
  s.body_side.bottom = static_cast<char*>(stack.sp) - stack.size;
  s.body_side.bytes = stack.size;
#endif
  s.inside = context::fiber(std::allocator_arg, context::preallocated(stack.sp, stack.size, stack),
                            stacks, [&s](context::fiber&& caller) {
                              arrived(s.caller_side, s.body_side);
                              s.outside = std::move(caller);
                              s.body();
                              s.done = true;
                              leaving(s.body_side, s.caller_side, /*for_good=*/true);
                              return std::move(s.outside);
                            });
}

Fiber::~Fiber() {
  STRAIT_CHECK(state_->done, "a fiber ends before its body has returned");
#if defined(__SANITIZE_THREAD__)
  __tsan_destroy_fiber(state_->body_side.fiber);
#endif
}

void Fiber::resume() {
  State& s = *state_;
#if defined(__SANITIZE_THREAD__)
  s.caller_side.fiber = __tsan_get_current_fiber();
#endif
  leaving(s.caller_side, s.body_side, /*for_good=*/false);
  s.inside = std::move(s.inside).resume();
  arrived(s.body_side, s.caller_side);
}

void Fiber::suspend() {
  State& s = *state_;
  leaving(s.body_side, s.caller_side, /*for_good=*/false);
  s.outside = std::move(s.outside).resume();
  arrived(s.caller_side, s.body_side);
}

}  // namespace strait
