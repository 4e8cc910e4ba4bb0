#include "core/plan/bandwidth_model.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"

namespace strait {

namespace {

constexpr double kForward = 1.0 / 3;  // of a step; the backward pass does twice the work

/// Bits over rate, first in, first out.
class RateAlone : public SiteLink {
 public:
  explicit RateAlone(double gbit_per_s) : bits_per_s_(gbit_per_s * 1e9) {}
  double arrives(double now_s, double bits) override {
    return free_ = std::max(free_, now_s) + bits / bits_per_s_;
  }

 private:
  double bits_per_s_;
  double free_ = 0;
};

/// One device and its link.
class Simulation {
 public:
  Simulation(const TrainedModel& model, const Exchanges& exchanges, SiteLink& link)
      : model_(model),
        exchanges_(exchanges),
        layer_bits_(kPayloadPart * model.parameters * exchanges.bits / model.layers),
        link_(link),
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
      arrivals_[static_cast<std::size_t>(layer)].push_back(
          {link_.arrives(now_, layer_bits_), number + 1 + exchanges_.overlap});
    }
  }

  const TrainedModel model_;
  const Exchanges exchanges_;
  const double layer_bits_;
  SiteLink& link_;
  std::vector<std::vector<Arrival>> arrivals_;
  double now_ = 0;
};

}  // namespace

double compute_utilization(const TrainedModel& model, const Exchanges& exchanges, SiteLink& link) {
  STRAIT_CHECK(model.layers > 0 && exchanges.every > 0, "{} layers, exchanges every {} steps",
               model.layers, exchanges.every);
  // The first period begins with an idle link and nothing to wait for; and where one is short, a
  // link with windows needs some to open them.
  constexpr int kPeriods = 2, kLeastSteps = 100;
  const int first = exchanges.every * std::max(1, kLeastSteps / exchanges.every);
  Simulation simulation(model, exchanges, link);
  int number = 0;
  for (; number < first; ++number) simulation.step(number);
  const double begin = simulation.now();
  for (; number < first + kPeriods * exchanges.every; ++number) simulation.step(number);
  return kPeriods * exchanges.every * model.step_s / (simulation.now() - begin);
}

double compute_utilization(const TrainedModel& model, const Exchanges& exchanges,
                           double gbit_per_s) {
  STRAIT_CHECK(gbit_per_s > 0, "{} Gbit/s", gbit_per_s);
  RateAlone link(gbit_per_s);
  return compute_utilization(model, exchanges, link);
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

std::optional<double> needed_gbit_per_s(const std::function<double(double)>& utilization_at,
                                        double utilization) {
  const auto& grid = bandwidth_grid();
  const auto first = std::partition_point(
      grid.begin(), grid.end(), [&](double rate) { return utilization_at(rate) < utilization; });
  if (first == grid.end()) return std::nullopt;
  return *first;
}

std::optional<double> needed_gbit_per_s(const TrainedModel& model, const Exchanges& exchanges,
                                        double utilization) {
  return needed_gbit_per_s([&](double rate) { return compute_utilization(model, exchanges, rate); },
                           utilization);
}

}  // namespace strait
