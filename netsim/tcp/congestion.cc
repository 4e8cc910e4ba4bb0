#include "netsim/tcp/congestion.h"

#include "core/base/check.h"
#include "netsim/tcp/bbr.h"
#include "netsim/tcp/cubic.h"
#include "netsim/tcp/reno.h"

namespace strait {

std::unique_ptr<Congestion> make_congestion(CongestionControl kind, std::int64_t initial_window,
                                            Nanos rtt, const Rng& rng) {
  switch (kind) {
    case CongestionControl::kCubic: return std::make_unique<Cubic>();
    case CongestionControl::kReno: return std::make_unique<Reno>();
    case CongestionControl::kBbr: return std::make_unique<Bbr>(initial_window, rtt, rng);
    case CongestionControl::kIdeal: break;
  }
  STRAIT_CHECK(false, "no congestion control has no window");
  return nullptr;
}

}  // namespace strait
