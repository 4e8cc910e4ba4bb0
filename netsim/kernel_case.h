// KernelCase: transfers whose times were measured with a kernel's TCP over a known link, and the
// same transfers over TcpLinks in virtual time.
//
// The place of the measurement: hosts in a star, each with an access link whose uplink holds rate,
// queue, delay, loss, outages and rate changes and whose downlink has a rate and a queue only.
// Thread: any; a run has no state outside.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/units.h"
#include "netsim/loss.h"

namespace strait {

struct KernelCase {
  std::string id;

  int hosts = 2;
  BytesPerSecond up{12'500'000};
  BytesPerSecond down{12'500'000};
  Nanos rtt{50'000'000};
  Bytes queue = 0;            // of every link, drop-tail
  std::int64_t loss_ppm = 0;  // independent, on every uplink

  /// Gilbert-Elliott, per packet on every uplink: good to bad, bad to good; bad loses all.
  std::optional<Bursts> bursts;

  /// Since the first packet; what is sent meanwhile is lost, on every uplink.
  struct Outage {
    Nanos start{0};
    Nanos duration{0};
  };
  std::optional<Outage> outage;

  /// Rates of every uplink since the first packet, repeated with the period.
  std::vector<std::pair<Nanos, BytesPerSecond>> rates;
  Nanos period{0};

  std::string congestion_control = "cubic";
  Bytes send_buffer = 64 << 20;     // the sysctl's maximum
  Bytes receive_buffer = 64 << 20;  // likewise
  bool idle_restart = true;

  /// Sender and receiver of every flow. All start at once, each with `bytes`.
  std::vector<std::pair<int, int>> flows{{0, 1}};
  /// Instead: flow i leads from host i to the next one, and sends bytes / hosts in each of
  /// 2 (hosts - 1) steps; in step s once its host has received s pieces.
  bool ring = false;
  Bytes bytes = 10'000'000;
  /// The transfers happened once before; so long ago is the last sign of life.
  std::optional<Nanos> idle_before;

  /// Whether a run depends on its seed: which packets are lost, or which of several flows begins
  /// some microseconds before the others, as threads do.
  bool random() const { return lossy() || flows.size() > 1 || ring; }
  bool lossy() const { return loss_ppm > 0 || bursts.has_value(); }

  /// Of every flow, in a ring too: sender and receiver, what it sends at once and how many times.
  std::vector<std::pair<int, int>> ends() const;
  Bytes piece() const { return ring ? bytes / hosts : bytes; }
  int pieces() const { return ring ? 2 * (hosts - 1) : 1; }
};

struct KernelCaseRun {
  Nanos time{0};         // from the first write to the last byte's arrival
  Bytes wire_bytes = 0;  // on all uplinks, handshakes included
};

KernelCaseRun run_kernel_case(const KernelCase& kernel_case, std::uint64_t seed);

}  // namespace strait
