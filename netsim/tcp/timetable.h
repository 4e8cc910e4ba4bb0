// Timetable: which train is the next to come somewhere, and when.
//
// Trains that leave the same link come in the order in which they were added, nearly always. So
// there is a lane per place: a queue whose first entry alone takes part in the heap. With dozens of
// trains on a link, adding one costs no comparison but with the one before it, and taking one only
// those among the lanes. A train that is to come earlier than the one before it in its lane goes
// into the heap by itself.
//
// Equal times come in the order in which they were added, whatever the lanes. Thread: the caller's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/check.h"
#include "core/base/fifo.h"
#include "core/base/units.h"

namespace strait {

class Timetable {
 public:
  using Train = std::uint32_t;
  using Lane = std::uint32_t;
  static constexpr Lane kNoLane = UINT32_MAX;

  /// Lanes 0 to `count` - 1 are there then.
  void set_lanes(std::size_t count) { lanes_.resize(count); }

  void add(Lane lane, Nanos time, Train train) {
    const Entry entry{time, added_++, train, lane};
    if (lane == kNoLane) return push(entry);
    Queue& queue = lanes_[lane];
    if (queue.moving && time < queue.last) return push({time, entry.order, train, kNoLane});
    queue.last = time;
    if (queue.moving) return queue.behind.push_back({time, entry.order, train});
    queue.moving = true;
    push(entry);
  }

  /// kNever if there is none.
  Nanos next_time() const { return heap_.empty() ? kNever : heap_.front().time; }

  /// The train that is next.
  Train take() {
    STRAIT_CHECK(!heap_.empty(), "no train is under way");
    const Train taken = heap_.front().train;
    const Lane lane = heap_.front().lane;
    if (lane != kNoLane && !lanes_[lane].behind.empty()) {
      const Waiting next = lanes_[lane].behind.pop_front();
      sink(0, {next.time, next.order, next.train, lane});
      return taken;
    }
    if (lane != kNoLane) lanes_[lane].moving = false;
    const Entry last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) sink(0, last);
    return taken;
  }

  /// New times for the trains of a lane: `time_of(train, time)`, asked for those of no lane as
  /// well. Of two trains of the lane the later one does not come to be the earlier one.
  template <class TimeOf>
  void move(Lane lane, const TimeOf& time_of) {
    Queue& queue = lanes_[lane];
    for (Entry& entry : heap_) {
      if (entry.lane != lane && entry.lane != kNoLane) continue;
      entry.time = time_of(entry.train, entry.time);
      if (entry.lane == lane) queue.last = entry.time;
    }
    for (std::size_t i = 0; i < queue.behind.size(); ++i) {
      Waiting& waiting = queue.behind[i];
      const Nanos before = queue.last;
      queue.last = waiting.time = time_of(waiting.train, waiting.time);
      STRAIT_CHECK(queue.last >= before, "a train at {} overtakes one at {}", queue.last.count(),
                   before.count());
    }
    for (std::size_t i = heap_.size(); i-- > 0;) sink(i, Entry(heap_[i]));
  }

 private:
  static constexpr std::size_t kChildren = 4;

  struct Entry {
    Nanos time{0};
    std::uint64_t order = 0;
    Train train = 0;
    Lane lane = kNoLane;
  };
  struct Waiting {
    Nanos time{0};
    std::uint64_t order = 0;
    Train train = 0;
  };
  struct Queue {
    Fifo<Waiting> behind;  // the one in the heap
    Nanos last{0};         // time of the lane's last train
    bool moving = false;   // there is one in the heap
  };

  static bool before(const Entry& a, const Entry& b) {
    return a.time != b.time ? a.time < b.time : a.order < b.order;
  }

  void push(const Entry& entry) {
    std::size_t at = heap_.size();
    heap_.push_back(entry);
    for (; at > 0; at = (at - 1) / kChildren) {
      const Entry& parent = heap_[(at - 1) / kChildren];
      if (!before(entry, parent)) break;
      heap_[at] = parent;
    }
    heap_[at] = entry;
  }

  // `entry` takes place `at`, or one below it.
  void sink(std::size_t at, const Entry& entry) {
    for (;;) {
      const std::size_t first = at * kChildren + 1;
      if (first >= heap_.size()) break;
      const std::size_t end = std::min(first + kChildren, heap_.size());
      std::size_t least = first;
      for (std::size_t child = first + 1; child < end; ++child) {
        if (before(heap_[child], heap_[least])) least = child;
      }
      if (!before(heap_[least], entry)) break;
      heap_[at] = heap_[least];
      at = least;
    }
    heap_[at] = entry;
  }

  std::vector<Entry> heap_;  // the first train of each lane, and those of no lane
  std::vector<Queue> lanes_;
  std::uint64_t added_ = 0;
};

}  // namespace strait
