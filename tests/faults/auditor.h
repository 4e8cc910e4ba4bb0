// Auditor: knows the truth of a simulation and compares it with what every island is told.
//
//   * An island takes each committed round once and in order: by its own commit, a replay or a
//   copy.
//   * What it takes is durable in the journal, of the same epoch and the same members; nothing that
//     was durable ever changes.
//   * A mean is, bit for bit, the weighted mean of what the members of the roster contributed in
//     this round; so nobody else's contribution is in it, and none of another round.
//   * After a round all islands have the same state, which is that of the recurrence.
//   * A member of the roster that has completed is not told that it has missed the round.
// Whatever is found ends the run: FaultFound, with one line.
//
// Thread: any; islands' calls while the loop waits for them.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/comm/rounds.h"
#include "tests/faults/fault_plan.h"
#include "tests/faults/faulty_storage.h"
#include "tests/faults/trivial_model.h"

namespace strait {

class FaultFound : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Auditor {
 public:
  struct Commit {
    std::uint32_t epoch = 0;
    std::vector<IslandId> members;
    bool operator==(const Commit&) const = default;
  };

  Auditor(const FaultPlan& plan, const FaultyStorage& journal);

  // The islands'. `life` counts from 0.
  void begins(IslandId island, int life);
  void starts(IslandId island, std::uint32_t round, double weight);
  void committed(IslandId island, const RoundResult& result, std::span<const float> mean);
  void missed(IslandId island, const RoundResult& result);
  void caught_up(IslandId island, const CaughtUp& what);
  void applied(IslandId island, const TrivialModel& model);
  void finished(IslandId island);

  // The loop's.
  void died(IslandId island);

  /// Rounds that are durable, or were found to be.
  std::vector<Commit> durable();
  std::uint32_t round_of(IslandId island) const { return at(island).round; }
  int life_of(IslandId island) const { return at(island).life; }
  /// The last round that it has started in this life.
  std::uint32_t started(IslandId island) const { return at(island).started; }
  bool has_finished(IslandId island) const { return at(island).finished; }
  bool all_finished() const;

  /// When the run is over.
  void check_end();

 private:
  struct Island {
    int life = 0;
    bool there = false;
    bool finished = false;
    std::uint32_t round = 0;                              // of its state
    std::uint32_t may_take = 0;                           // it was given what leads to this round
    std::uint32_t started = 0;                            // the last one, in this life
    std::map<std::uint32_t, std::vector<double>> starts;  // by round: with which weights, all lives
  };
  struct Truth {
    Roster roster;
    std::vector<float> mean;
    std::uint64_t state = 0;  // hash after the round
  };

  Island& at(IslandId island) { return islands_.at(static_cast<std::size_t>(island)); }
  const Island& at(IslandId island) const { return islands_.at(static_cast<std::size_t>(island)); }
  const std::vector<Commit>& read_journal();
  const Commit& commit_of(IslandId island, std::uint32_t round);
  void check_roster(IslandId island, std::uint32_t round, const Roster& roster);
  const Truth& truth(IslandId island, std::uint32_t round) const;

  const FaultPlan& plan_;
  const FaultyStorage& journal_;
  std::mutex mutex_;
  std::vector<Island> islands_;
  std::string read_;             // of the journal, so far
  std::vector<Commit> commits_;  // of rounds 1, 2, ...
  TrivialModel model_;           // after the last round of truths_
  std::uint64_t first_state_;
  std::vector<Truth> truths_;  // of rounds 1, 2, ...
};

}  // namespace strait
