// Data parallelism: every inner step uses the mean gradient of all islands.
//
// The baseline runs the bare Collective, through the same transport and without control messages
// per step. Clipping acts on the mean gradient. Parameters are the same on all islands at all
// times. Where islands come and go a coordinator commits each step: elastic_data_parallel.cc.

#include <optional>

#include "core/train/flat_buffer.h"
#include "core/train/island.h"
#include "core/train/packed.h"
#include "core/train/strategies/rows.h"

namespace strait {

namespace {

class DataParallel final : public Strategy {
 public:
  explicit DataParallel(const StrategyPorts& ports) : ports_(ports) {
    boundary_.roster = ports.starters;
  }

  void begin(Island& island, std::uint32_t rounds) override {
    rounds_ = rounds;
    mean_.resize(island.parameters().size());
    sent_.emplace(island.layout(), island.gradients());
    received_.emplace(island.layout(), mean_);
  }

  std::uint32_t next_round(std::uint32_t last) override {
    return last < rounds_ ? last + 1 : kNoRound;
  }

  bool joins_gradients() const override { return ports_.collective != nullptr; }

  std::span<const float> gradient_ready(Island&, const StepPlace& place) override {
    const ExchangeId id{.number = static_cast<std::uint32_t>(place.step),
                        .ledger_round = place.round};
    sent_->gather();
    auto ticket =
        ports_.collective->start(id, sent_->values(), received_->values(), boundary_.roster);
    const Outcome<Done> done = ticket.wait();
    if (!done.ok()) {
      throw RunFailed("step " + std::to_string(place.step) + ": " + done.failure().what);
    }
    received_->scatter();
    return mean_;
  }

  void step_done(Island& island, const StepPlace& place) override {
    if (!place.ends_round) return;
    const std::uint32_t before = boundary_.state;
    boundary_.round = boundary_.state = place.round;
    if (ports_.keeper != nullptr) {
      ports_.keeper->came_to(island, before, place.round, island.parameters(), {});
    }
  }

  std::span<const float> shared(Island& island) override { return island.parameters(); }

 private:
  StrategyPorts ports_;
  std::uint32_t rounds_ = 0;
  FlatBuffer mean_;
  std::optional<Packed> sent_;      // of the island's gradients
  std::optional<Packed> received_;  // of mean_
};

}  // namespace

std::unique_ptr<Strategy> make_data_parallel(const StrategyPorts& ports, const OuterOptions&) {
  if (ports.rounds != nullptr) return make_elastic_data_parallel(ports);
  return std::make_unique<DataParallel>(ports);
}

}  // namespace strait
