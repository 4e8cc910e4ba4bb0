// IslandLife: what an island of a simulation does, from its start to its end: rounds, what its
// policy says when it has missed one, and catching up.
//
// Thread: the island's.
#pragma once

#include "backends/world.h"
#include "tests/faults/auditor.h"
#include "tests/faults/event_log.h"
#include "tests/faults/fault_plan.h"

namespace strait {

class IslandLife {
 public:
  IslandLife(IslandId island, World::Ports& ports, const FaultPlan& plan, Auditor& auditor,
             EventLog& log);

  /// Until all rounds of the plan are done.
  void live();

 private:
  bool done() const { return model_.round >= plan_.rounds; }
  void compute();
  void catch_up();
  double come_back();
  void round(double weight);
  void apply(const std::function<void()>& change);

  const IslandId island_;
  World::Ports& ports_;
  const FaultPlan& plan_;
  Auditor& auditor_;
  EventLog& log_;
  TrivialModel model_;
  std::shared_ptr<std::vector<float>> in_;  // peers may read it when we are dead
  std::vector<float> out_;
  bool behind_ = false;  // has missed a round
  std::uint32_t computed_ = 0;
};

}  // namespace strait
