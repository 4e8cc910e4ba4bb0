// Injector: does to a world what a plan says, when it says so, and takes it back when it is over.
//
// It sees what the coordinator and islands say to each other, for the log and for one rule: an
// island is killed only if somebody else has what it has. The state lives in memory alone, so a
// round whose members all die is lost, and no protocol could help. So of the last committed round,
// and of every roster that is out, one island has to be left that will have it: alive in the life
// in which it took part, or caught up. Kills that would break this are left out.
//
// Thread: the loop's.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "backends/world.h"
#include "netsim/virtual_loop.h"
#include "tests/faults/auditor.h"
#include "tests/faults/chaos_network.h"
#include "tests/faults/event_log.h"
#include "tests/faults/fault_plan.h"
#include "tests/faults/faulty_storage.h"

namespace strait {

class Injector {
 public:
  /// Before the world runs; all of it outlives the run.
  Injector(const FaultPlan& plan, World& world, ChaosNetwork& network, FaultyStorage& storage,
           Auditor& auditor, EventLog& log);

  int done() const { return done_; }

 private:
  struct Member {
    IslandId island = 0;
    int life = 0;
  };
  /// Who will have a round, if it is committed.
  struct Takers {
    std::uint32_t round = 0;
    std::uint32_t epoch = 0;
    std::vector<Member> members;
  };

  void saw(PeerId from, PeerId to, Plane plane, const Slice& slice);
  void read(PeerId from, PeerId to, const FrameHeader& header, const Slice& message);
  void wrote(std::int64_t write);
  void begin(const Fault& fault, Nanos in);
  void fire(const Fault& fault);
  void later(Nanos lasts, Callback undo);
  void partition(const Fault& fault);
  void kill(IslandId island, Nanos lasts);
  bool may_kill(IslandId island);
  bool is_left(const Takers& takers, IslandId without);
  void crash(Nanos lasts);

  const FaultPlan& plan_;
  World& world_;
  VirtualLoop& loop_;
  ChaosNetwork& network_;
  FaultyStorage& storage_;
  Auditor& auditor_;
  EventLog& log_;
  std::vector<std::int64_t> offered_;                         // by pair
  std::map<std::pair<PeerId, PeerId>, FrameHeader> headers_;  // on control planes: what comes next
  std::vector<bool> there_;                                   // by island
  std::map<std::pair<std::uint32_t, std::uint32_t>, Takers> rosters_;  // by round and epoch
  bool coordinator_there_ = true;
  int slow_ = 0;
  int done_ = 0;
};

}  // namespace strait
