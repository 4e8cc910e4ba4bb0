#include "core/plan/bandwidth_model.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"

namespace strait {

namespace {

constexpr double kForward = 1.0 / 3;  // of a step; the backward pass does twice the work

/// One device and its link.
class Simulation {
 public:
  Simulation(const TrainedModel& model, const Exchanges& exchanges, double gbit_per_s)
      : model_(model),
        exchanges_(exchanges),
        layer_s_(kPayloadPart * model.parameters * exchanges.bits / model.layers /
                 (gbit_per_s * 1e9)),
        arrivals_(static_cast<std::size_t>(model.layers)) {}

  void step(int number) {
    forward(number);
    backward(number);
  }

  double now() const { return now_; }

 private:
  /// Of one layer: when an exchange is over, and the first step whose forward pass waits for it.
  struct Arrival {
    double time = 0;
    int step = 0;
  };

  /// Whether the layer's exchange begins at the end of this step.
  bool exchanged(int layer, int number) const {
    const int phase = (number + 1) % exchanges_.every;
    if (exchanges_.fragments <= 1) return phase == 0;
    const int between = std::max(1, exchanges_.every / (exchanges_.fragments + 1));
    return phase % between == 0 && phase / between == layer % exchanges_.fragments;
  }

  void forward(int number) {
    for (auto& waiting : arrivals_) {
      while (!waiting.empty() && waiting.front().step <= number) {
        now_ = std::max(now_, waiting.front().time);
        waiting.erase(waiting.begin());
      }
      now_ += kForward * model_.step_s / model_.layers;
    }
  }

  void backward(int number) {
    for (int layer = model_.layers - 1; layer >= 0; --layer) {
      now_ += (1 - kForward) * model_.step_s / model_.layers;
      if (!exchanged(layer, number)) continue;
      link_free_ = std::max(link_free_, now_) + layer_s_;
      arrivals_[static_cast<std::size_t>(layer)].push_back(
          {link_free_, number + 1 + exchanges_.overlap});
    }
  }

  const TrainedModel model_;
  const Exchanges exchanges_;
  const double layer_s_;  // that the link needs for a layer
  std::vector<std::vector<Arrival>> arrivals_;
  double now_ = 0;
  double link_free_ = 0;
};

}  // namespace

double compute_utilization(const TrainedModel& model, const Exchanges& exchanges,
                           double gbit_per_s) {
  STRAIT_CHECK(model.layers > 0 && exchanges.every > 0 && gbit_per_s > 0,
               "{} layers, exchanges every {} steps, {} Gbit/s", model.layers, exchanges.every,
               gbit_per_s);
  // The first period begins with an idle link and nothing to wait for.
  constexpr int kPeriods = 2;
  Simulation simulation(model, exchanges, gbit_per_s);
  int number = 0;
  for (; number < exchanges.every; ++number) simulation.step(number);
  const double begin = simulation.now();
  for (; number < (1 + kPeriods) * exchanges.every; ++number) simulation.step(number);
  return kPeriods * exchanges.every * model.step_s / (simulation.now() - begin);
}

const std::vector<double>& bandwidth_grid() {
  static const std::vector<double> grid = [] {
    constexpr int kPoints = 50;
    std::vector<double> rates;
    for (int i = 0; i < kPoints; ++i) rates.push_back(std::pow(10, -1 + 4.0 * i / (kPoints - 1)));
    return rates;
  }();
  return grid;
}

std::optional<double> needed_gbit_per_s(const TrainedModel& model, const Exchanges& exchanges,
                                        double utilization) {
  const auto& grid = bandwidth_grid();
  const auto first = std::partition_point(grid.begin(), grid.end(), [&](double rate) {
    return compute_utilization(model, exchanges, rate) < utilization;
  });
  if (first == grid.end()) return std::nullopt;
  return *first;
}

}  // namespace strait
