// Congestion: how fast a connection may send, from what its acknowledgements tell.
//
// The sender (sender.h) keeps the account of what is under way and lost; the algorithm behind this
// interface decides the window, and perhaps a pace. Windows count segments, as Linux's do. Integers
// only (bbr.h: rates in millionths of a segment per second). Pure; the time comes with each call.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "core/base/rng.h"
#include "core/base/units.h"
#include "netsim/tcp_options.h"

namespace strait {

/// What the acknowledgements of a train tell, which come evenly from `first` to `last`.
struct AckSample {
  Nanos first{0};
  Nanos last{0};
  std::int64_t delivered = 0;     // segments that are now known to have arrived
  std::int64_t lost = 0;          // and to be lost
  std::int64_t acks = 0;          // so many acknowledgements
  Nanos rtt_first = kNever;       // round trips of the first and last one; kNever: not measured,
  Nanos rtt_last = kNever;        // since they had been sent twice
  std::int64_t next = 0;          // the segment that is sent next for the first time
  std::int64_t offered = 0;       // there are segments up to this one, which is not there
  std::int64_t acknowledged = 0;  // all before this one have arrived
  std::int64_t in_flight = 0;     // after this
  std::int64_t delivered_total = 0;
  bool window_limited = false;  // more would have been sent if the window had been larger
  bool in_recovery = false;     // fast recovery
  bool timed_out = false;       // recovering from a timeout

  /// Delivery rate (draft-cheng-iccrg-delivery-rate-estimation): so many segments in so long, since
  /// the newest of them was sent, when `rate_prior_total` had been delivered.
  std::int64_t rate_delivered = 0;
  Nanos rate_interval{0};
  std::int64_t rate_prior_total = 0;
  bool application_limited = false;
};

/// What may be under way, in segments.
struct Window {
  static constexpr std::int64_t kNoThreshold = INT64_MAX / 4;

  std::int64_t size = 10;
  std::int64_t threshold = kNoThreshold;  // of slow start

  bool slow_start() const { return size < threshold; }
};

class Congestion {
 public:
  virtual ~Congestion() = default;

  /// Outside fast recovery: the window grows. An algorithm that paces hears of every sample.
  virtual void acknowledged(Window& window, const AckSample& sample) = 0;

  /// Segments were lost, or a timer fired: the new threshold of slow start.
  virtual std::int64_t reduced(const Window& window) = 0;

  /// A retransmission timer fired; `reduced` was called if it is the first one.
  virtual void timed_out() = 0;

  /// The flow sends again after it had nothing to send for so long.
  virtual void resumes(Nanos idle, Nanos now) = 0;

  /// Segments per million seconds; 0: as soon as the window allows.
  virtual std::int64_t pace() const { return 0; }

  /// True if the algorithm sets the window in fast recovery as well.
  virtual bool owns_window() const { return false; }
};

/// A connection with this round trip (of its handshake) begins. `rng` is its own.
std::unique_ptr<Congestion> make_congestion(CongestionControl kind, std::int64_t initial_window,
                                            Nanos rtt, const Rng& rng);

}  // namespace strait
