// Probing a network before a run: what each link and each kind of pair of islands gives, measured
// in virtual time through the emulator's own link model, on links of their own. Figures that are
// not those of the configuration are a bug of ours.
//
// What is probed is the network as a run finds it at time 0. Pure: nothing of a run is touched. Any
// thread. Cost on one core: some 0.1 ms per link, and a quarter of a second at most per kind of
// pairs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/probing/measure.h"
#include "apps/show/pair_kinds.h"
#include "netsim/emulated_network.h"

namespace strait {

/// The network when a run begins: what events and traces of time 0 make of it.
struct NetworkAtStart {
  NetworkDescription network;
  std::vector<bool> up;  // by link
  bool changes = false;  // later it will be another one
};
NetworkAtStart at_start(const NetworkDescription& network);

struct LinkProbe {
  int link = 0;
  PathMeasurement measured{};
};

/// Of a kind of pairs, measured between two of its islands.
struct PairProbe {
  PairKind kind;
  PathMeasurement measured{};
  Goodput goodput{};
};

struct ProbeLimits {
  std::size_t links = 4096;
  std::size_t pairs = 32;  // kinds
  GoodputLimits goodput{};
};

struct NetworkProbe {
  NetworkAtStart start;
  EmulatedOptions options;
  std::vector<LinkProbe> links;  // the first ones, if there are more than the limit
  std::vector<PairProbe> pairs;  // the narrowest first; likewise
  std::size_t kinds = 0;         // of pairs, in all
};

NetworkProbe probe_network(const NetworkDescription& network, const EmulatedOptions& options,
                           const ProbeLimits& limits = {});

/// Rate, delay and round trip may be off by a thousandth (and some nanoseconds of rounding); a
/// count of losses by five standard deviations. Each sentence says what is further off, with both
/// figures; none if all is well.
constexpr double kProbeTolerance = 0.001;
std::vector<std::string> deviations(const NetworkProbe& probe);

/// The largest part by which a rate, delay or round trip is off.
double largest_deviation(const NetworkProbe& probe);

/// What keeps one connection from filling the narrowest link of its path; kNothing: it does, to
/// nine tenths.
enum class BoundBy { kNothing, kWindow, kLoss, kQueue, kGrowth };
BoundBy bound_by(const PairProbe& pair, const EmulatedOptions& options);

}  // namespace strait
