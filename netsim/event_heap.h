// The timers of a virtual clock: a heap ordered by (time, order of the calls), with cancellation.
//
// A timer's callback waits in a slot; the heap holds small entries. Cancelling empties the slot and
// leaves the entry to be dropped when it comes up. 2 x 24 bytes and one callback per timer.
#pragma once

#include <algorithm>
#include <cstdint>
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
    if (slot < slots_.size() && slots_[slot].generation == generation) release(slot);
  }

  /// Time of the earliest timer, kNever if there is none.
  Nanos next() {
    drop_cancelled();
    return heap_.empty() ? kNever : heap_.front().when;
  }

  /// Takes out the earliest timer. There must be one (call next() first).
  Callback pop() {
    drop_cancelled();
    const Entry entry = heap_.front();
    Callback f = std::move(slots_[entry.slot].callback);
    release(entry.slot);
    pop_entry();
    return f;
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

  void release(std::uint32_t slot) {
    slots_[slot].callback = Callback();
    if (++slots_[slot].generation == 0) slots_[slot].generation = 1;
    free_.push_back(slot);
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
