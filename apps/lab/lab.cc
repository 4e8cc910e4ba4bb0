#include "apps/lab/lab.h"

#include <thread>

#include "apps/lab/lab_network.h"

namespace strait {
namespace {

std::vector<std::string> names_of(const std::vector<LinkSpec>& links) {
  std::vector<std::string> names;
  for (const LinkSpec& link : links) names.push_back(link.name);
  return names;
}

std::vector<HostNamespace> make_hosts(const HostSettings& settings, int count) {
  std::vector<HostNamespace> hosts;
  for (int host = 0; host < count; ++host) hosts.emplace_back(settings, host);
  return hosts;
}

std::vector<int> tuns_of(const std::vector<HostNamespace>& hosts) {
  std::vector<int> tuns;
  for (const HostNamespace& host : hosts) tuns.push_back(host.tun());
  return tuns;
}

/// A connection that still waits for its last acknowledgement would hold its namespace for minutes.
/// What it answers comes at once, so when nothing is on its way for a moment it is over.
void let_connections_end(const LinkRelay& relay) {
  constexpr auto kMoment = std::chrono::milliseconds(20), kMost = std::chrono::milliseconds(2000);
  int quiet = 0;
  for (auto waited = kMoment; waited < kMost && quiet < 2; waited += kMoment) {
    std::this_thread::sleep_for(kMoment);
    quiet = relay.is_quiet() ? quiet + 1 : 0;
  }
}

}  // namespace

Lab::Lab(const NetworkDescription& network, const EmulatedOptions& options)
    : Lab(network, relay_network(network, options), host_settings(options.tcp)) {}

Lab::Lab(const NetworkDescription& network, RelayNetwork relay, const HostSettings& settings)
    : place_of_peer_(network.place_of_peer),
      links_(names_of(network.links)),
      hosts_(make_hosts(settings, network.places)),
      relay_(std::move(relay), tuns_of(hosts_)) {}

LabReport Lab::stop() {
  let_connections_end(relay_);
  LabReport report{.links = links_, .relay = relay_.stop(), .hosts = {}};
  for (const HostNamespace& host : hosts_) report.hosts.push_back(host.counters());
  return report;
}

}  // namespace strait
