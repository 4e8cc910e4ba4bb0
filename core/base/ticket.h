// Ticket<T>: the one thing an island holds while the loop works for it; it wakes once.
//
// The loop side completes it with a Completer, exactly once, never inside the call that made it.
// What the ticket stands for (buffers, usually) belongs to the loop until then: wait, even for a
// result that nobody wants any more. Thread: Ticket the island's, Completer::complete the loop's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/base/check.h"
#include "core/base/clock.h"

namespace strait {

template <class T>
struct TicketValue final : TicketState {
  using TicketState::TicketState;
  std::optional<T> value;
};

template <class T>
class [[nodiscard]] Ticket {
 public:
  Ticket(Clock& clock, std::shared_ptr<TicketValue<T>> state)
      : clock_(&clock), state_(std::move(state)) {}

  bool ready() const { return clock_->ready(*state_); }

  /// Blocks the island until the loop has completed this ticket. Once.
  T wait() {
    STRAIT_CHECK(state_ != nullptr, "a ticket is waited for once");
    clock_->wait(*state_);
    T value = std::move(*state_->value);
    state_.reset();
    return value;
  }

 private:
  Clock* clock_;
  std::shared_ptr<TicketValue<T>> state_;
};

/// The loop's end of a ticket. Copyable; complete() exactly once.
template <class T>
class Completer {
 public:
  Completer(Clock& clock, std::string label)
      : clock_(&clock), state_(std::make_shared<TicketValue<T>>(std::move(label))) {}

  Ticket<T> ticket() const { return Ticket<T>(*clock_, state_); }

  void complete(T value) const {
    STRAIT_CHECK(!state_->completed, "'{}' is completed twice", state_->label);
    state_->value.emplace(std::move(value));
    clock_->complete(*state_);
  }

 private:
  Clock* clock_;
  std::shared_ptr<TicketValue<T>> state_;
};

}  // namespace strait
