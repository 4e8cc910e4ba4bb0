// Strategy: what happens around inner steps. The rows are in strategies/, one file each.
//
// A strategy object belongs to one life of an island and is called on that island's thread, in this
// order:
//   begin, then for every round that next_round names and every inner step of it: gradient_ready
//   (if it joins gradients), step_done; at the end drain.
// What it waits for, it waits for through tickets; time passes meanwhile.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "core/comm/collective.h"
#include "core/comm/rounds.h"
#include "core/train/optimizer.h"

namespace strait {

class Island;

/// The network took the run away: a round was aborted, a peer is gone. The run ends, exit code 1.
class RunFailed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Where a step stands in the run.
struct StepPlace {
  std::int64_t step = 0;    // inner step of the whole run, pretraining included: which data
  std::uint32_t round = 1;  // rounds count from 1 at the branch point
  bool ends_round = false;
};

/// What came of an island's last boundary, or of its begin.
struct Boundary {
  std::uint32_t round = 0;            // the committed round that it took part in; 0: none
  std::uint32_t state = 0;            // the round whose shared parameters it has now
  Roster roster;                      // of `round`: who took part with which weight
  std::int64_t discarded_tokens = 0;  // whose work came to nothing here
  bool finite = true;                 // false: its outer gradient was not, so it had weight 0
  bool restarts = false;              // its next step starts from the shared parameters of `state`
  std::uint32_t caught_up_from = 0;   // rounds from + 1 ... to were fetched from others
  std::uint32_t caught_up_to = 0;     // equal: nothing was
};

inline constexpr std::uint32_t kNoRound = 0;

class Strategy {
 public:
  virtual ~Strategy() = default;

  /// The island's parameters are the initial ones; the run has `rounds` rounds. Remembers what has
  /// to be remembered, and fetches what it has missed if the others have begun without it.
  virtual void begin(Island&, std::uint32_t /*rounds*/) {}

  /// The round whose inner steps come after those of `last` (0 at first). Later than last + 1 when
  /// this island has missed some: their steps are never trained, and no data comes twice. kNoRound:
  /// this island is done, because the run is, or because it leaves.
  virtual std::uint32_t next_round(std::uint32_t last) = 0;

  /// True: the inner update waits for gradient_ready() and uses the gradient that it returns. An
  /// empty one: no update, since the island has taken over what others made of this step.
  virtual bool joins_gradients() const { return false; }
  virtual std::span<const float> gradient_ready(Island&, const StepPlace&) { return {}; }

  /// After the inner update: launch and land exchanges.
  virtual void step_done(Island&, const StepPlace&) {}

  /// After the last step: land what is in flight, leave what others may ask for.
  virtual void drain(Island&) {}

  /// The shared parameters as this island knows them: what is evaluated.
  virtual std::span<const float> shared(Island&) = 0;

  /// What this island has contributed to the round of its last boundary: old minus new. Empty if
  /// nothing, or where no outer gradients are made.
  virtual std::span<const float> contribution() const { return {}; }

  /// False: what shared() gives is another on every island, and each evaluates its own.
  virtual bool shares_parameters() const { return true; }

  const Boundary& boundary() const { return boundary_; }

  /// Tokens of earlier boundaries that have not counted anywhere yet, and are lost if it dies.
  virtual std::int64_t waiting_tokens() const { return 0; }

 protected:
  Boundary boundary_;
};

/// What an island that has missed rounds does at its next boundary, when it has caught up with the
/// shared parameters and the outer optimizer's state. The inner optimizer's state is another
/// matter: TrainPlan::reset_inner.
enum class MissedRounds {
  kContinue,  // keeps its parameters; only what they are compared with has moved
  kReceive,   // takes part in the open round as a receiver, and starts from its shared parameters
  kRejoin,    // starts from the shared parameters at once and sits the open round out
};

/// What contributions weigh; the coordinator normalises. What a contribution is made of is the work
/// since the island's last one that counted.
enum class Weights { kUniform, kExamples, kTokens };

/// By their names in settings. Throw UserError, naming the known ones.
MissedRounds missed_rounds(std::string_view name);
Weights weights(std::string_view name);

struct RoundPolicy {
  MissedRounds missed = MissedRounds::kContinue;
  Weights weights = Weights::kUniform;
};

/// Who is told how far an island has come, and may put saved values in the place of its own: a
/// checkpoint is taken or loaded there (apps/experiment/checkpoints.h). Called on the island's
/// thread before others can ask for the state; it posts nothing and waits for nothing.
class RoundKeeper {
 public:
  virtual ~RoundKeeper() = default;

  /// The shared parameters and the outer optimizer's buffers were those after round `from` and are
  /// those after `to`: by an outer step, by one of the means that were missed, or as a copy. Where
  /// the island takes the shared parameters over with a round, it has.
  virtual void came_to(Island& island, std::uint32_t from, std::uint32_t to,
                       std::span<float> shared,
                       const std::vector<InnerOptimizer::State>& outer) = 0;
};

/// What a strategy may talk through, and what it has to know of the run. Collective and rounds are
/// null where there is one island, rounds also where nothing is committed (commits_of).
struct StrategyPorts {
  Collective* collective = nullptr;
  Rounds* rounds = nullptr;
  Roster starters = everyone(1);  // the islands that are there from the start, with equal weights
  bool joins = false;             // the others have begun without this life of the island
  /// The island shall leave at its next boundary; null: never.
  const std::atomic<bool>* leaving = nullptr;
  RoundPolicy policy{};
  RoundKeeper* keeper = nullptr;  // null: nobody wants to know
};

/// The table of strategies. Throws UserError for an unknown name, naming the known ones.
std::unique_ptr<Strategy> make_strategy(std::string_view name, const StrategyPorts& ports,
                                        const OuterOptions& outer);
std::vector<std::string_view> strategy_names();

/// What a coordinator commits or aborts for all, in a strategy of this name.
enum class Commits {
  kNothing,
  kRounds,
  kSteps,  // where islands come and go: each inner step is a round, steps_per_round has to be 1
};
Commits commits_of(std::string_view strategy);

}  // namespace strait
