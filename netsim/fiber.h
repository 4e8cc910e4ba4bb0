// Fiber: a function with a stack of its own that runs on the thread of whoever resumes it.
//
// Changing to it and back takes nanoseconds, where waking a thread takes the kernel microseconds.
// What the function throws must not leave it, and it changes sides outside of catch blocks only
// (the C++ runtime keeps what is being caught per thread). The sanitizers are told of every change.
//
// Thread: resume() always on the same one.
#pragma once

#include <functional>
#include <memory>

namespace strait {

class Fiber {
 public:
  /// `body` begins with the first resume(). Its stack is as large as a thread's (8 MiB, which take
  /// memory as they are touched).
  explicit Fiber(std::function<void()> body);
  /// `body` has returned.
  ~Fiber();

  /// Goes on with `body` until it suspends or returns.
  void resume();

  /// Inside `body`: goes on with whoever resumed it.
  void suspend();

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace strait
