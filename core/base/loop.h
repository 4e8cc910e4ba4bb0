// Loop: where event code runs (streams, transport, collectives, rounds, the coordinator).
//
// One thread runs the loop; code on it never blocks. UvLoop runs it by the wall clock, VirtualLoop
// (netsim) in virtual time; event code cannot tell which. All four functions belong to the loop's
// thread. Islands reach the loop only through their Clock (core/base/clock.h).
//
// Errors: an exception out of an event ends the run. Events that never ran are dropped with the
// loop; what they held may post again then, and that is dropped as well.
#pragma once

#include <cstdint>

#include "core/base/callback.h"
#include "core/base/units.h"

namespace strait {

/// Names one pending timer. 0 names none.
enum class TimerId : std::uint64_t { kNone = 0 };

class Loop {
 public:
  virtual ~Loop() = default;

  /// Time since the start of the run. Stands still while one event runs.
  virtual Nanos now() const = 0;

  /// The same as at(now(), f): an event of its own, never inside the call.
  virtual void post(Callback f) = 0;

  /// Runs `f` at `when` (or now, if that has passed); at equal times in the order of the calls of
  /// at() and post().
  virtual TimerId at(Nanos when, Callback f) = 0;

  /// Nothing else happens before this time, as far as is known: who calls may look ahead so far
  /// without asking anew after each step. now() or later.
  virtual Nanos quiet_until() { return now(); }

  /// Forgets a timer. A timer that ran, was cancelled, or kNone is no error.
  virtual void cancel(TimerId timer) = 0;
};

}  // namespace strait
