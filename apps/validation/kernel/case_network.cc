#include "apps/validation/kernel/case_network.h"

#include "netsim/relay_losses.h"

namespace strait {

RelayLinkOptions uplink_of(const KernelCase& c, std::uint64_t seed, int host) {
  RelayLinkOptions link{.rate = c.up, .delay = c.rtt / 2, .queue = c.queue};
  if (c.lossy()) link.loses = RelayLosses(c, seed, host);
  if (c.outage) link.outage = {c.outage->start, c.outage->duration};
  link.rates = c.rates;
  link.period = c.period;
  return link;
}

RelayLinkOptions downlink_of(const KernelCase& c) { return {.rate = c.down, .queue = c.queue}; }

RelayNetwork network_of(const KernelCase& c, std::uint64_t seed) {
  RelayNetwork network;
  for (int from = 0; from < c.hosts; ++from) {
    network.links.push_back(uplink_of(c, seed, from));
    network.links.push_back(downlink_of(c));
    for (int to = 0; to < c.hosts; ++to) {
      network.paths.push_back({static_cast<int>(uplink(from)), static_cast<int>(downlink(to))});
    }
  }
  return network;
}

HostSettings host_settings_of(const KernelCase& c) {
  return {.slow_start_after_idle = c.idle_restart,
          .send_buffer = {.most = c.send_buffer},
          .receive_buffer = {.first = 131072, .most = c.receive_buffer}};
}

}  // namespace strait
