// Local only: no island ever talks. What is called shared is the island's own copy.

#include "core/train/island.h"
#include "core/train/strategies/rows.h"

namespace strait {

namespace {

class Local final : public Strategy {
 public:
  void begin(Island& island) override { roster_.members = {{island.id(), 1.0f}}; }
  std::span<const float> shared(Island& island) override { return island.parameters(); }
  const Roster& roster() const override { return roster_; }

 private:
  Roster roster_;
};

}  // namespace

std::unique_ptr<Strategy> make_local(const StrategyPorts&, const OuterOptions&) {
  return std::make_unique<Local>();
}

}  // namespace strait
