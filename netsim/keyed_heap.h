// KeyedHeap: for each of a dense set of keys (flows) the time of its next event, and the earliest
// of all. A key's time changes far more often than it fires, so it is moved in place instead of
// being inserted anew: one entry per key, O(log keys) per change, no garbage.
//
// Equal times come in the order of the keys, so the order of events depends on nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/base/units.h"

namespace strait {

class KeyedHeap {
 public:
  using Key = std::uint32_t;

  struct Entry {
    Nanos time{0};
    Key key = 0;
  };

  bool empty() const { return heap_.empty(); }
  const Entry& top() const { return heap_.front(); }
  Nanos top_time() const { return heap_.empty() ? kNever : heap_.front().time; }

  /// The time of `key`, kNever if it has none.
  Nanos time_of(Key key) const { return contains(key) ? heap_[position_[key]].time : kNever; }

  /// Gives `key` a time in place of any other; kNever takes the key out.
  void set(Key key, Nanos time) {
    if (time == kNever) return erase(key);
    if (key >= position_.size()) position_.resize(key + 1, kAbsent);
    if (position_[key] == kAbsent) {
      heap_.push_back({time, key});
      rise(heap_.size() - 1);
      return;
    }
    const std::size_t at = position_[key];
    const Nanos before = std::exchange(heap_[at].time, time);
    time < before ? rise(at) : sink(at);
  }

  void erase(Key key) {
    if (!contains(key)) return;
    const std::size_t at = std::exchange(position_[key], kAbsent);
    const Entry last = heap_.back();
    heap_.pop_back();
    if (at == heap_.size()) return;
    place(at, last);
    rise(at);
    sink(position_[last.key]);
  }

 private:
  // Four children per entry: half the levels of a binary heap, and siblings share a cache line.
  static constexpr std::size_t kChildren = 4;
  static constexpr std::uint32_t kAbsent = UINT32_MAX;

  static bool before(const Entry& a, const Entry& b) {
    return a.time != b.time ? a.time < b.time : a.key < b.key;
  }

  bool contains(Key key) const { return key < position_.size() && position_[key] != kAbsent; }

  void place(std::size_t at, const Entry& entry) {
    heap_[at] = entry;
    position_[entry.key] = static_cast<std::uint32_t>(at);
  }

  void rise(std::size_t at) {
    const Entry entry = heap_[at];
    while (at > 0) {
      const std::size_t parent = (at - 1) / kChildren;
      if (!before(entry, heap_[parent])) break;
      place(at, heap_[parent]);
      at = parent;
    }
    place(at, entry);
  }

  void sink(std::size_t at) {
    const Entry entry = heap_[at];
    for (;;) {
      const std::size_t first = at * kChildren + 1;
      if (first >= heap_.size()) break;
      const std::size_t end = first + kChildren < heap_.size() ? first + kChildren : heap_.size();
      std::size_t least = first;
      for (std::size_t child = first + 1; child < end; ++child) {
        if (before(heap_[child], heap_[least])) least = child;
      }
      if (!before(heap_[least], entry)) break;
      place(at, heap_[least]);
      at = least;
    }
    place(at, entry);
  }

  std::vector<Entry> heap_;
  std::vector<std::uint32_t> position_;  // of each key in heap_
};

}  // namespace strait
