// Data parallelism: every inner step uses the mean gradient of all islands.
//
// The baseline runs the bare Collective, through the same transport and without control messages
// per step. Clipping acts on the mean gradient. Parameters are the same on all islands at all
// times.

#include <optional>

#include "core/train/island.h"
#include "core/train/packed.h"
#include "core/train/strategies/rows.h"

namespace strait {

namespace {

class DataParallel final : public Strategy {
 public:
  explicit DataParallel(const StrategyPorts& ports)
      : ports_(ports), roster_(everyone(ports.islands)) {}

  void begin(Island& island) override {
    mean_.resize(island.parameters().size());
    sent_.emplace(island.layout(), island.gradients());
    received_.emplace(island.layout(), mean_);
  }

  bool joins_gradients() const override { return ports_.collective != nullptr; }

  std::span<const float> gradient_ready(Island&, const StepPlace& place) override {
    const ExchangeId id{.number = static_cast<std::uint32_t>(place.step),
                        .ledger_round = place.round};
    sent_->gather();
    auto ticket = ports_.collective->start(id, sent_->values(), received_->values(), roster_);
    const Outcome<Done> done = ticket.wait();
    if (!done.ok()) {
      throw RunFailed("step " + std::to_string(place.step) + ": " + done.failure().what);
    }
    received_->scatter();
    return mean_;
  }

  std::span<const float> shared(Island& island) override { return island.parameters(); }
  const Roster& roster() const override { return roster_; }

 private:
  StrategyPorts ports_;
  Roster roster_;
  std::vector<float> mean_;
  std::optional<Packed> sent_;      // of the island's gradients
  std::optional<Packed> received_;  // of mean_
};

}  // namespace

std::unique_ptr<Strategy> make_data_parallel(const StrategyPorts& ports, const OuterOptions&) {
  return std::make_unique<DataParallel>(ports);
}

}  // namespace strait
