// Clock: what an island sees of time, and its only door to the loop.
//
// An island is a plain thread (or fiber) with straight-line code. It announces how long a piece of
// work takes before it does it, posts requests to the loop, and waits on tickets; nothing else may
// block it.
// Virtual (netsim/virtual_loop.h) or by the wall clock (core/io): the island cannot tell.
//
// Thread: the island's, except complete(), which is the loop's. The clock outlives both.
// Errors: compute() and wait() throw Cancelled when the run ends early, and Killed when this island
// was killed; compute() passes on what `work` throws, when its announced end has come.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/base/callback.h"
#include "core/base/units.h"

namespace strait {

/// The part of a ticket that a Clock needs: whether it is done, and what to call it in a report.
struct TicketState {
  explicit TicketState(std::string name) : label(std::move(name)) {}
  virtual ~TicketState() = default;

  const std::string label;  // "round 17", for the report of who waits for whom
  bool completed = false;   // guarded by the clock
  Nanos completed_at{0};    // likewise
};

/// Thrown out of compute() and wait() when the run ends early, because another island failed: the
/// island's thread unwinds.
class Cancelled : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The same for one island, while the run goes on. What it posts while it unwinds never runs.
class Killed : public Cancelled {
 public:
  using Cancelled::Cancelled;
};

class Clock {
 public:
  virtual ~Clock() = default;

  /// The island's time: that of its last wake-up.
  virtual Nanos now() const = 0;

  /// Does `work` and lets `cost` pass; returns when both are over. `work` posts nothing and waits
  /// for nothing: meanwhile the rest of the world goes on up to the announced end. At most one
  /// inner step.
  virtual void compute(Nanos cost, const std::function<void()>& work) = 0;

  /// Runs `f` on the loop, in the order (time, island, order of the calls). Never inside the call.
  virtual void post(Callback f) = 0;

  /// Returns when what this island has posted has run, or never will: what it changes next may be
  /// what events look at. In virtual time that is so anyway: no event runs before the posts.
  virtual void settle() = 0;

  /// Blocks until the ticket is completed. Time passes.
  virtual void wait(TicketState& ticket) = 0;

  /// Whether the ticket was completed at this island's last wake-up.
  virtual bool ready(const TicketState& ticket) const = 0;

  /// On the loop: marks the ticket completed and wakes this island if it waits for it.
  virtual void complete(TicketState& ticket) = 0;

  /// Time that this island has spent in wait() so far.
  virtual Nanos waited() const = 0;
};

}  // namespace strait
