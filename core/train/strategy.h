// Strategy: what happens around inner steps. The rows are in strategies/, one file each.
//
// A strategy object belongs to one island and is called on that island's thread, in this order:
//   begin, then for every inner step: gradient_ready (if it joins gradients), step_done; at the end
//   drain. What it waits for, it waits for through tickets; time passes meanwhile.
#pragma once

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
  std::int64_t step = 0;    // inner step of the whole run, pretraining included
  std::uint32_t round = 1;  // rounds count from 1 at the branch point
  bool ends_round = false;
};

class Strategy {
 public:
  virtual ~Strategy() = default;

  /// The island's parameters are the shared ones: remember what has to be remembered.
  virtual void begin(Island&) {}

  /// True: the inner update waits for gradient_ready() and uses the gradient that it returns.
  virtual bool joins_gradients() const { return false; }
  virtual std::span<const float> gradient_ready(Island&, const StepPlace&) { return {}; }

  /// After the inner update: launch and land exchanges.
  virtual void step_done(Island&, const StepPlace&) {}

  /// After the last step: land what is in flight.
  virtual void drain(Island&) {}

  /// The shared parameters as this island knows them: what is evaluated.
  virtual std::span<const float> shared(Island&) = 0;

  /// Who took part in the last exchange, with which weight.
  virtual const Roster& roster() const = 0;
};

/// What a strategy may talk through. Collective and rounds are null where there is one island.
struct StrategyPorts {
  Collective* collective = nullptr;
  Rounds* rounds = nullptr;
  int islands = 1;
};

/// The table of strategies. Throws UserError for an unknown name, naming the known ones.
std::unique_ptr<Strategy> make_strategy(std::string_view name, const StrategyPorts& ports,
                                        const OuterOptions& outer);
std::vector<std::string_view> strategy_names();

/// Whether its exchanges are rounds, which a coordinator commits or aborts.
bool uses_rounds(std::string_view strategy);

}  // namespace strait
