// Local only: no island ever talks. What is called shared is the island's own copy.

#include "core/train/island.h"
#include "core/train/strategies/rows.h"

namespace strait {

namespace {

class Local final : public Strategy {
 public:
  explicit Local(const StrategyPorts& ports) : keeper_(ports.keeper) {
    boundary_.roster = ports.starters;
  }

  void begin(Island&, std::uint32_t rounds) override { rounds_ = rounds; }
  std::uint32_t next_round(std::uint32_t last) override {
    return last < rounds_ ? last + 1 : kNoRound;
  }
  void step_done(Island& island, const StepPlace& place) override {
    if (!place.ends_round) return;
    const std::uint32_t before = boundary_.state;
    boundary_.round = boundary_.state = place.round;
    if (keeper_ != nullptr) keeper_->came_to(island, before, place.round, island.parameters(), {});
  }
  std::span<const float> shared(Island& island) override { return island.parameters(); }
  bool shares_parameters() const override { return false; }

 private:
  RoundKeeper* const keeper_;
  std::uint32_t rounds_ = 0;
};

}  // namespace

std::unique_ptr<Strategy> make_local(const StrategyPorts& ports, const OuterOptions&) {
  return std::make_unique<Local>(ports);
}

}  // namespace strait
