#include "apps/validation/kernel/measure.h"

#include <fmt/format.h>

#include <set>

#include "apps/validation/kernel/case_network.h"
#include "apps/validation/kernel/kernel_flow.h"
#include "core/base/errors.h"

namespace strait {
namespace {

Repetition run_once(const KernelCase& c, std::uint64_t seed) {
  std::vector<HostNamespace> hosts;
  std::vector<int> tuns;
  for (int host = 0; host < c.hosts; ++host) {
    tuns.push_back(hosts.emplace_back(host_settings_of(c), host).tun());
  }
  LinkRelay relay(network_of(c, seed), tuns);
  Repetition repetition{.transfer = run_transfers(c, hosts), .relay = relay.stop()};
  for (int host = 0; host < c.hosts; ++host) {
    repetition.wire_bytes += repetition.relay.links[uplink(host)].came.bytes;
  }
  return repetition;
}

HostNamespace test_host() {
  try {
    return {HostSettings{}, 0};
  } catch (const UserError& error) {
    throw UserError(fmt::format("--kernel: {}", error.what()));
  }
}

}  // namespace

void check_measurable(const std::vector<MeasuredCase>& cases) {
  const HostNamespace host = test_host();
  std::set<std::string> congestion_controls;
  for (const MeasuredCase& c : cases) congestion_controls.insert(c.setup.congestion_control);
  for (const std::string& name : congestion_controls) host.inside([&] { tcp_socket(name); });
}

Measurement measure(const MeasuredCase& recorded, int repetitions) {
  std::vector<Repetition> all;
  int again = 0;
  for (int i = 1; i <= repetitions; ++i) {
    const auto seed = static_cast<std::uint64_t>(i);
    Repetition repetition = run_once(recorded.setup, seed);
    if (is_late(repetition.relay.late_share())) {
      ++again;
      const Repetition second = run_once(recorded.setup, seed);
      if (second.relay.late_share() < repetition.relay.late_share()) repetition = second;
    }
    all.push_back(repetition);
  }
  return summarize(recorded, std::move(all), again);
}

}  // namespace strait
