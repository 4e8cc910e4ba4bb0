// LinkQueue: the drop-tail queue in front of a link, as trains of segments pass it.
//
// A train is some segments of one flow that arrive evenly from one time to another. The queue is a
// fluid: what has arrived and not left is a number of bytes that falls at the link's rate and rises
// with the trains that are arriving. A train is taken when its first segment arrives; when its last
// one leaves is told then, from the trains known by then. (What comes later while it arrives may
// hold up its end in truth, and does not here; the bytes in the queue are right all the same.)
// Where the room may run out, segments are looked at one by one.
//
// Integers only. Pure; calls come in the order of time. Cost: O(1) per train, plus the trains that
// arrive at the same time, plus the segments of a train that may meet a full queue.
#pragma once

#include <vector>

#include "core/base/units.h"
#include "core/base/wide.h"

namespace strait {

/// Segments that pass a place evenly, `count` of them, `bytes` in all.
struct Passing {
  Nanos first{0};
  Nanos last{0};
  std::int64_t count = 0;
  Bytes bytes = 0;
};

class LinkQueue {
 public:
  /// Room for `limit` bytes, those being sent included.
  LinkQueue(BytesPerSecond rate, Bytes limit) : rate_(rate), limit_(limit) {}

  BytesPerSecond rate() const { return rate_; }
  Bytes limit() const { return limit_; }

  /// `train.first` is not before any time of an earlier call. Returns what leaves, and when the
  /// first and last byte of it has left; `dropped` receives the places in the train (from 0) of the
  /// segments for which there was no room.
  Passing pass(const Passing& train, std::vector<std::int32_t>& dropped);

  void set_rate(BytesPerSecond rate, Nanos now);
  void set_limit(Bytes limit) { limit_ = limit; }

  /// Bytes in the queue.
  Bytes backlog(Nanos now);

 private:
  // Billionths of a byte, as rate times nanoseconds gives them: 64 bits are 9 GB, less than a
  // queue of 1 Tbit/s over 100 ms holds.
  using Parts = Wide;

  struct Arriving {
    Nanos end{0};
    std::int64_t rate = 0;
  };

  // The queue as a function of time, from what is known of the trains that arrive.
  struct State {
    Nanos time{0};
    Parts backlog = 0;
    std::int64_t arriving_rate = 0;
    std::size_t ended = 0;  // of arriving_

    void flow(Nanos until, BytesPerSecond rate);
  };

  void advance(State& state, Nanos to) const;
  void move_to(Nanos now);
  void arrive(const Arriving& arriving);
  bool may_fill(const Passing& train) const;
  Passing squeeze(const Passing& train, std::vector<std::int32_t>& dropped);
  Nanos drain_time(Parts parts) const;

  BytesPerSecond rate_;
  Bytes limit_;
  State now_;
  std::vector<Arriving> arriving_;  // by end
};

}  // namespace strait
