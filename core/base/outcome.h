// Outcome<T>: a value, or the reason why the network did not give one.
//
// A peer that is gone, a timeout or a refused dial are expected values, not exceptions: the caller
// decides (rounds and membership do). After a failure on a connection assume nothing about it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "core/base/check.h"

namespace strait {

enum class FailureKind {
  kClosed,     // the connection or the peer is gone, or we closed
  kRefused,    // nobody listens there, or the hello was refused
  kMismatch,   // the two sides disagree: protocol version, settings, message length
  kCancelled,  // the caller gave the operation up
  kAborted,    // the round was aborted for all
  kTimeout,    // a deadline passed
};

std::string_view to_string(FailureKind kind);

struct Failure {
  FailureKind kind = FailureKind::kClosed;
  std::string what;  // names the peer, the operation and the values
};

/// The value of an Outcome that only says "done".
struct Done {};

template <class T>
class [[nodiscard]] Outcome {
 public:
  Outcome(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Outcome(Failure failure) : state_(std::in_place_index<1>, std::move(failure)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    STRAIT_CHECK(ok(), "no value: {}", failure().what);
    return std::get<0>(state_);
  }
  const T& value() const& {
    STRAIT_CHECK(ok(), "no value: {}", failure().what);
    return std::get<0>(state_);
  }
  T&& value() && { return std::move(value()); }

  const Failure& failure() const { return std::get<1>(state_); }

 private:
  std::variant<T, Failure> state_;
};

}  // namespace strait
