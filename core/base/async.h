// Coroutines for code that waits on the loop: collective algorithms, rounds, the coordinator.
//
//   Async<T>    a lazy coroutine; `co_await` runs it and gives its value.
//   Pending<T>  a value that an event will bring; made by a Promise<T>. Awaited once.
//   Scope       owns coroutines that nobody awaits; its end destroys those that are unfinished,
//               the youngest first.
//
// Thread: the loop's. A Promise resumes its waiter through Loop::post, never inside complete().
// Lifetimes: a coroutine's parameters are copied into its frame; references must outlive it. A
// frame may be destroyed while it waits (that is how work is given up): nothing resumes it then. A
// Scope is not destroyed by a coroutine of its own. GCC 12 miscompiles some temporaries inside
// `co_await` expressions: name them first.
// Errors: an exception leaves an Async through its `co_await`, and a Scope's coroutine through the
// event that resumed it, which ends the run.
#pragma once

#include <coroutine>
#include <cstdint>
#include <exception>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "core/base/check.h"
#include "core/base/loop.h"
#include "core/base/pool.h"

namespace strait {

template <class T>
class [[nodiscard]] Async {
 public:
  struct promise_type;
  using Handle = std::coroutine_handle<promise_type>;

  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    std::coroutine_handle<> await_suspend(Handle h) noexcept { return h.promise().continuation; }
    void await_resume() noexcept {}
  };

  struct promise_type {
    static void* operator new(std::size_t bytes) { return Pool::take(bytes); }
    static void operator delete(void* frame, std::size_t bytes) { Pool::give(frame, bytes); }

    Async get_return_object() { return Async(Handle::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    FinalAwaiter final_suspend() noexcept { return {}; }
    void return_value(T v) { result.template emplace<1>(std::move(v)); }
    void unhandled_exception() { result.template emplace<2>(std::current_exception()); }

    std::coroutine_handle<> continuation = std::noop_coroutine();
    std::variant<std::monostate, T, std::exception_ptr> result;
  };

  Async(Async&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Async& operator=(Async&&) = delete;
  ~Async() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  /// Runs it until it waits or ends. (Not a symmetric transfer: that costs a stack frame per await
  /// where the compiler makes no tail call, and our loops await thousands of times.)
  bool await_suspend(std::coroutine_handle<> awaiting) {
    handle_.resume();
    if (handle_.done()) return false;
    handle_.promise().continuation = awaiting;
    return true;
  }
  T await_resume() {
    auto& result = handle_.promise().result;
    if (result.index() == 2) std::rethrow_exception(std::get<2>(result));
    return std::move(std::get<1>(result));
  }

 private:
  explicit Async(Handle handle) : handle_(handle) {}
  Handle handle_;
};

template <class T>
class [[nodiscard]] Pending {
 public:
  struct State {
    explicit State(Loop& l) : loop(l) {}
    Loop& loop;
    std::optional<T> value;
    std::coroutine_handle<> waiter;
  };

  /// Lives in the frame that waits, so it is gone when that frame is: then nobody is resumed.
  class Awaiter {
   public:
    explicit Awaiter(std::shared_ptr<State> state) : state_(std::move(state)) {}
    Awaiter(const Awaiter&) = delete;
    Awaiter& operator=(const Awaiter&) = delete;
    ~Awaiter() {
      if (waits_) state_->waiter = nullptr;
    }

    bool await_ready() const noexcept { return state_->value.has_value(); }
    void await_suspend(std::coroutine_handle<> h) {
      STRAIT_CHECK(!state_->waiter, "a Pending is awaited once");
      state_->waiter = h;
      waits_ = true;
    }
    T await_resume() { return std::move(*state_->value); }

   private:
    std::shared_ptr<State> state_;
    bool waits_ = false;
  };

  explicit Pending(std::shared_ptr<State> state) : state_(std::move(state)) {}
  Pending(Pending&&) noexcept = default;
  Pending& operator=(Pending&&) noexcept = default;

  bool done() const { return state_->value.has_value(); }
  Awaiter operator co_await() const { return Awaiter(state_); }

 private:
  std::shared_ptr<State> state_;
};

template <class T>
class Promise {
  using State = typename Pending<T>::State;

 public:
  explicit Promise(Loop& loop)
      : state_(std::allocate_shared<State>(PoolAllocator<State>(), loop)) {}

  Pending<T> pending() const { return Pending<T>(state_); }
  bool completed() const { return state_->value.has_value(); }

  void complete(T value) const {
    STRAIT_CHECK(!state_->value, "a Promise is completed once");
    state_->value.emplace(std::move(value));
    // The waiter may begin to wait later: then it finds the value there. It may be gone before it
    // is resumed: then there is no handle any more.
    if (!state_->waiter) return;
    state_->loop.post([state = state_] {
      if (const auto waiter = std::exchange(state->waiter, nullptr)) waiter.resume();
    });
  }

 private:
  std::shared_ptr<State> state_;
};

class Scope {
 public:
  Scope() = default;
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope() {
    while (!running_.empty()) running_.extract(std::prev(running_.end())).mapped().destroy();
  }

  /// Starts the coroutine now; keeps it until it ends.
  template <class T>
  void spawn(Async<T> task) {
    const auto handle = run(std::move(task)).handle;
    running_.emplace(handle.promise().number_, handle);
    handle.resume();
  }

  bool idle() const { return running_.empty(); }

 private:
  struct Detached {
    struct promise_type {
      static void* operator new(std::size_t bytes) { return Pool::take(bytes); }
      static void operator delete(void* frame, std::size_t bytes) { Pool::give(frame, bytes); }

      template <class T>
      promise_type(Scope& scope, Async<T>&) : scope_(scope), number_(scope.next_++) {}
      Detached get_return_object() { return {Handle::from_promise(*this)}; }
      std::suspend_always initial_suspend() noexcept { return {}; }
      std::suspend_never final_suspend() noexcept {
        scope_.running_.erase(number_);
        return {};
      }
      void return_void() {}
      // The frame stands at its end then; the scope destroys it.
      void unhandled_exception() { throw; }

      Scope& scope_;
      const std::uint64_t number_;
    };
    using Handle = std::coroutine_handle<promise_type>;
    Handle handle;
  };

  template <class T>
  Detached run(Async<T> task) {
    co_await task;
  }

  std::map<std::uint64_t, std::coroutine_handle<>> running_;  // by age
  std::uint64_t next_ = 0;
};

}  // namespace strait
