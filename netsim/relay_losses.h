// RelayLosses: which packets an uplink of a KernelCase loses. The relay of a measurement draws it
// (apps/validation/kernel), and so does the emulator: the same packets are lost for the same seed,
// as far as the same are sent, so the medians differ by the model and less by luck.
//
// Its generator is the standard's, which is the same everywhere: the recorded cases were drawn so.
// Thread: the owner's.
#pragma once

#include <cstdint>
#include <random>

#include "netsim/kernel_case.h"

namespace strait {

class RelayLosses {
 public:
  RelayLosses(const KernelCase& c, std::uint64_t seed, int host)
      : loss_(part(c.loss_ppm)),
        begins_(part(c.bursts ? c.bursts->begin_ppm : 0)),
        ends_(part(c.bursts ? c.bursts->end_ppm : 0)),
        rng_(seed * 1'000'003 + static_cast<std::uint64_t>(host)) {}

  /// Whether the next packet that the queue takes is lost.
  bool operator()() {
    if (loss_ > 0 && draw() < loss_) return true;
    if (begins_ == 0) return false;
    const double u = draw();
    bad_ = bad_ ? u >= ends_ : u < begins_;
    return bad_;
  }

 private:
  static double part(std::int64_t ppm) { return static_cast<double>(ppm) * 1e-6; }
  double draw() { return static_cast<double>(rng_() >> 11) * 0x1.0p-53; }

  double loss_, begins_, ends_;
  std::mt19937_64 rng_;
  bool bad_ = false;
};

}  // namespace strait
