// Callback: a move-only void() that keeps small captures in place, so that an event of the loop
// needs no allocation. (std::function would ask for copyable captures; C++23's
// std::move_only_function is not in GCC 12.)
//
// Calling an empty one is undefined. Thread: whoever holds it.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace strait {

class Callback {
 public:
  Callback() = default;

  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, Callback> && std::is_invocable_v<F&>)
      Callback(F&& f) {  // NOLINT: implicit, like std::function
    using Held = std::remove_cvref_t<F>;
    if constexpr (fits<Held>()) {
      ::new (static_cast<void*>(room_)) Held(std::forward<F>(f));
      actions_ = &kInPlace<Held>;
    } else {
      ::new (static_cast<void*>(room_)) Held*(new Held(std::forward<F>(f)));
      actions_ = &kOnHeap<Held>;
    }
  }

  Callback(Callback&& other) noexcept { take(other); }
  Callback& operator=(Callback&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  ~Callback() { reset(); }

  explicit operator bool() const { return actions_ != nullptr; }
  void operator()() { actions_->call(room_); }

 private:
  struct Actions {
    void (*call)(void*);
    void (*move)(void* from, void* to) noexcept;  // leaves `from` destroyed
    void (*destroy)(void*) noexcept;
  };

  static constexpr std::size_t kRoom = 56;

  template <class F>
  static constexpr bool fits() {
    return sizeof(F) <= kRoom && alignof(F) <= alignof(std::max_align_t) &&
           std::is_nothrow_move_constructible_v<F>;
  }

  template <class F>
  static constexpr Actions kInPlace{[](void* p) { (*static_cast<F*>(p))(); },
                                    [](void* from, void* to) noexcept {
                                      ::new (to) F(std::move(*static_cast<F*>(from)));
                                      static_cast<F*>(from)->~F();
                                    },
                                    [](void* p) noexcept { static_cast<F*>(p)->~F(); }};

  template <class F>
  static constexpr Actions kOnHeap{
      [](void* p) { (**static_cast<F**>(p))(); },
      [](void* from, void* to) noexcept { ::new (to) F*(*static_cast<F**>(from)); },
      [](void* p) noexcept { delete *static_cast<F**>(p); }};

  void take(Callback& other) noexcept {
    actions_ = other.actions_;
    if (actions_ != nullptr) actions_->move(other.room_, room_);
    other.actions_ = nullptr;
  }
  void reset() noexcept {
    const Actions* actions = std::exchange(actions_, nullptr);
    if (actions != nullptr) actions->destroy(room_);
  }

  alignas(std::max_align_t) std::byte room_[kRoom];
  const Actions* actions_ = nullptr;
};

}  // namespace strait
