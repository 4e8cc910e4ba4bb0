// IslandLoop: a loop and the islands of this process, each a thread (in VirtualLoop also a fiber)
// with a clock of its own. VirtualLoop (netsim) runs them in virtual time, RealLoop (core/io) by
// the wall clock; whoever puts a run together cannot tell which.
//
// An island has lives: it may be absent at first, be killed by an event and be started by one.
//
// Thread: run() is the loop's thread; each clock belongs to its island's thread.
#pragma once

#include <functional>

#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/loop.h"
#include "core/base/pause.h"

namespace strait {

class IslandLoop : public Loop {
 public:
  /// The clock of an island. Its pauses are intervals in which it neither computes nor wakes.
  virtual Clock& clock(IslandId island) = 0;
  virtual void set_pauses(IslandId island, PauseSchedule pauses) = 0;

  /// Before run(): this island is not there until start_island().
  virtual void set_absent(IslandId island) = 0;

  /// Runs `body` on a thread of its own for each island that is not absent, and events on this
  /// thread, until every body has returned and nobody holds the run open. Rethrows the first
  /// failure (of the loop, else of the lowest island) after all threads have ended. Once.
  virtual void run(const std::function<void(IslandId, Clock&)>& body) = 0;

  // For events, while run() runs.

  /// Ends the island's life: its wait or compute throws Killed. What it posted and has not run is
  /// dropped; its tickets may still be completed. An island that is not running is no error. An
  /// exception of the body other than Killed is passed on.
  virtual void kill(IslandId island) = 0;

  /// A new life for an island that is not running: `body` on a new thread, which begins now, after
  /// the event that asks for it, with a clock that has waited for nothing.
  virtual void start_island(IslandId island) = 0;

  /// As long as somebody holds it open, the run goes on even if no island is running; for islands
  /// that will be started.
  virtual void hold_open() = 0;
  virtual void let_close() = 0;

  /// Not absent, not killed, and its body has not returned. Before run(): not absent.
  virtual bool running(IslandId island) const = 0;

  /// How often the island has been started before: 0 in its first life. Also on its own thread.
  virtual int life(IslandId island) const = 0;
};

}  // namespace strait
