// Coroutines for code that waits on the loop: collective algorithms, rounds, the coordinator.
//
//   Async<T>    a lazy coroutine; `co_await` runs it and gives its value.
//   Pending<T>  a value that an event will bring; made by a Promise<T>. Awaited once.
//   Scope       owns coroutines that nobody awaits; its end destroys those that are unfinished.
//
// Thread: the loop's. A Promise resumes its waiter through Loop::post, never inside complete().
// Lifetimes: a coroutine's parameters are copied into its frame; references must outlive it. GCC 12
// miscompiles some temporaries inside `co_await` expressions: name them first.
#pragma once

#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <unordered_set>
#include <utility>
#include <variant>

#include "core/base/check.h"
#include "core/base/loop.h"

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
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) {
    handle_.promise().continuation = awaiting;
    return handle_;
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

  explicit Pending(std::shared_ptr<State> state) : state_(std::move(state)) {}

  bool done() const { return state_->value.has_value(); }

  bool await_ready() const noexcept { return done(); }
  void await_suspend(std::coroutine_handle<> h) {
    STRAIT_CHECK(!state_->waiter, "a Pending is awaited once");
    state_->waiter = h;
  }
  T await_resume() { return std::move(*state_->value); }

 private:
  std::shared_ptr<State> state_;
};

template <class T>
class Promise {
 public:
  explicit Promise(Loop& loop) : state_(std::make_shared<typename Pending<T>::State>(loop)) {}

  Pending<T> pending() const { return Pending<T>(state_); }
  bool completed() const { return state_->value.has_value(); }

  void complete(T value) const {
    STRAIT_CHECK(!state_->value, "a Promise is completed once");
    state_->value.emplace(std::move(value));
    // The waiter may begin to wait later: then it finds the value there.
    if (state_->waiter) {
      state_->loop.post([h = state_->waiter] { h.resume(); });
    }
  }

 private:
  std::shared_ptr<typename Pending<T>::State> state_;
};

class Scope {
 public:
  Scope() = default;
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope() {
    while (!running_.empty()) {
      const auto frame = *running_.begin();
      running_.erase(running_.begin());
      std::coroutine_handle<>::from_address(frame).destroy();
    }
  }

  /// Starts the coroutine now; keeps it until it ends. An exception out of it leaves through the
  /// event that resumed it, and so ends the run.
  template <class T>
  void spawn(Async<T> task) {
    run(std::move(task));
  }

  bool idle() const { return running_.empty(); }

 private:
  struct Detached {
    struct promise_type {
      template <class T>
      promise_type(Scope& scope, Async<T>&) : scope_(scope) {}
      Detached get_return_object() {
        scope_.running_.insert(address());
        return {};
      }
      std::suspend_never initial_suspend() noexcept { return {}; }
      std::suspend_never final_suspend() noexcept {
        scope_.running_.erase(address());
        return {};
      }
      void return_void() {}
      void unhandled_exception() { throw; }
      void* address() { return std::coroutine_handle<promise_type>::from_promise(*this).address(); }
      Scope& scope_;
    };
  };

  template <class T>
  Detached run(Async<T> task) {
    co_await task;
  }

  std::unordered_set<void*> running_;
};

}  // namespace strait
