// The timers of a loop: a heap ordered by (time, order of the calls), with cancellation.
//
// A timer's callback waits in a slot; the heap holds small entries. Cancelling empties the slot and
// leaves the entry to be dropped when it comes up. 32 bytes for the entry and 80 for the slot.
//
// A callback may be destroyed here (by cancel), and what it held may add and cancel timers then.
// Thread: the loop's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <vector>

#include "core/base/callback.h"
#include "core/base/loop.h"

namespace strait {

class EventHeap {
 public:
  TimerId add(Nanos when, Callback f) {
    std::uint32_t slot = 0;
    if (free_.empty()) {
      slot = static_cast<std::uint32_t>(slots_.size());
      slots_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    slots_[slot].callback = std::move(f);
    heap_.push_back({when, next_order_++, slot, slots_[slot].generation});
    std::push_heap(heap_.begin(), heap_.end(), Later{});
    return static_cast<TimerId>(std::uint64_t{slots_[slot].generation} << 32 | slot);
  }

  void cancel(TimerId id) {
    const auto slot = static_cast<std::uint32_t>(static_cast<std::uint64_t>(id));
    const auto generation = static_cast<std::uint32_t>(static_cast<std::uint64_t>(id) >> 32);
    // The callback dies when the heap is whole again.
    if (slot < slots_.size() && slots_[slot].generation == generation) std::ignore = release(slot);
  }

  /// Time of the earliest timer, kNever if there is none.
  Nanos next() {
    drop_cancelled();
    return heap_.empty() ? kNever : heap_.front().when;
  }

  /// A number that rises with each call, shared with the timers: what is asked for in between.
  std::uint64_t take_order() { return next_order_++; }

  /// The order of the earliest timer. There must be one.
  std::uint64_t order() {
    drop_cancelled();
    return heap_.front().order;
  }

  /// Takes out the earliest timer. There must be one.
  Callback pop() {
    drop_cancelled();
    const std::uint32_t slot = heap_.front().slot;
    pop_entry();
    return release(slot);
  }

 private:
  struct Entry {
    Nanos when;
    std::uint64_t order;
    std::uint32_t slot;
    std::uint32_t generation;
  };
  struct Later {
    bool operator()(const Entry& a, const Entry& b) const {
      return a.when != b.when ? a.when > b.when : a.order > b.order;
    }
  };
  struct Slot {
    Callback callback;
    std::uint32_t generation = 1;  // never 0, so that no TimerId is kNone
  };

  Callback release(std::uint32_t slot) {
    Callback f = std::move(slots_[slot].callback);
    if (++slots_[slot].generation == 0) slots_[slot].generation = 1;
    free_.push_back(slot);
    return f;
  }
  void pop_entry() {
    std::pop_heap(heap_.begin(), heap_.end(), Later{});
    heap_.pop_back();
  }
  void drop_cancelled() {
    while (!heap_.empty() && slots_[heap_.front().slot].generation != heap_.front().generation) {
      pop_entry();
    }
  }

  std::vector<Entry> heap_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::uint64_t next_order_ = 0;
};

}  // namespace strait
