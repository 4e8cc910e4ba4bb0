// The papers' model of what a link does to training: no latency, no TCP, a rate alone.
//
// Compute utilization is the share of time in which devices compute. Streaming DiLoCo (arXiv
// 2501.18512) and the scaling laws of DiLoCo (arXiv 2503.09799) have a table each of the rate that
// the link between sites needs for a wanted utilization. This is their simulator, rebuilt from what
// they say of it: a step computes layer by layer, one third of it forward and two thirds backward;
// when the backward pass of a layer is over, what the layer has to exchange is queued on the link,
// first in, first out; some steps later the layer's forward pass waits for it.
//
// What Strait itself measures has TCP, latency and protocol in it: apps/experiment/rehearsal.h.
//
// Pure functions; any thread. Rates in Gbit/s and times in seconds, as the papers print them: these
// are figures of a model, not times of a run.
#pragma once

#include <functional>
#include <optional>
#include <vector>

namespace strait {

/// A model on its devices, as the papers describe it.
struct TrainedModel {
  double parameters = 1e9;
  int layers = 24;
  double step_s = 0.1;  // computing, per inner step
};

/// What is sent is this part of parameters x bits: fitted, the one number for all cells of both
/// papers, which do not say what an exchange of N values sends. From 0.79 to 0.97 all 75 cells of
/// the first are within a step of the grid, from 0.68 to 0.81 all 60 of the second.
inline constexpr double kPayloadPart = 0.8;

/// What is exchanged when.
struct Exchanges {
  int every = 1;      // H: inner steps between two exchanges of the same layer; 1: data parallelism
  double bits = 16;   // per value
  int fragments = 1;  // above 1: layers l with l mod fragments alike travel together, one such
                      // fragment every floor(H / (fragments + 1)) steps (the + 1: embeddings)
  int overlap = 0;    // steps that a layer computes on before it waits for its exchange
};

/// The link between sites, with a queue without end; it serves one run from its beginning.
class SiteLink {
 public:
  virtual ~SiteLink() = default;

  /// Bits are queued now; `now_s` never falls. When they have arrived.
  virtual double arrives(double now_s, double bits) = 0;
};

/// From 0 to 1, once the run is steady. With a rate: bits / rate, as the papers have it.
double compute_utilization(const TrainedModel& model, const Exchanges& exchanges, SiteLink& link);
double compute_utilization(const TrainedModel& model, const Exchanges& exchanges,
                           double gbit_per_s);

/// The rates that both papers try: 50 from 0.1 to 1000 Gbit/s, evenly on a logarithmic scale. One
/// step of it, a factor of 1.207, is the resolution of what they print.
const std::vector<double>& bandwidth_grid();

/// The first rate of the grid that gives this utilization; none if the last one does not.
std::optional<double> needed_gbit_per_s(const TrainedModel& model, const Exchanges& exchanges,
                                        double utilization);

/// Likewise, of any utilization that does not fall with the rate (in Gbit/s).
std::optional<double> needed_gbit_per_s(const std::function<double(double)>& utilization_at,
                                        double utilization);

/// The share of a round in which an island computes that then stands still for the exchange.
constexpr double compute_share(double compute_s, double exchange_s) {
  return compute_s / (compute_s + exchange_s);
}

}  // namespace strait
