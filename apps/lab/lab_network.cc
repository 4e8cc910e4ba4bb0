#include "apps/lab/lab_network.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/errors.h"
#include "core/base/quantities.h"
#include "netsim/links.h"
#include "netsim/loss.h"

namespace strait {
namespace {

constexpr Bytes kTcpHeaders = 52;  // IPv4 20, TCP with time stamps 32

/// Of one link, packet by packet. Other draws than the emulator's, which has a generator per flow;
/// as many.
class LinkLosses {
 public:
  LinkLosses(const LinkOptions& link, std::uint64_t seed)
      : odds_(link.loss_ppm),
        rng_(seed, "lab loss " + link.name),
        until_next_(odds_.none() ? -1 : odds_.draw(rng_)),
        bursts_(link.bursts, seed, link.name) {}

  bool operator()() {
    bool lost = !odds_.none() && until_next_-- == 0;
    if (lost) until_next_ = odds_.draw(rng_);
    if (!bursts_.none()) {
      in_burst_.clear();
      bursts_.pass(1, in_burst_);
      lost |= !in_burst_.empty();
    }
    return lost;
  }

 private:
  LossOdds odds_;
  Rng rng_;
  std::int64_t until_next_;  // packets that come through before the next lost one
  BurstLoss bursts_;
  std::vector<std::int64_t> in_burst_;
};

void refuse_changes(const NetworkDescription& network) {
  if (!network.events.empty() || !network.traces.empty() || !network.outages.empty() ||
      !network.background.empty()) {
    throw UserError(
        "network.events: a lab's links stay as they are and nothing happens to its islands; take "
        "it out of the scenario");
  }
  for (std::size_t i = 0; i < network.islands.size(); ++i) {
    if (network.islands[i].start == Nanos{0}) continue;
    throw UserError(
        fmt::format("network.islands: island {} starts at {}; in a lab all start at once, so take "
                    "out its start",
                    i, format_duration(network.islands[i].start)));
  }
  for (const LinkSpec& link : network.links) {
    if (link.jitter == Nanos{0}) continue;
    throw UserError(
        fmt::format("network.links: {} has a jitter of {}; a lab's links have none, so take it out",
                    link.name, format_duration(link.jitter)));
  }
}

void refuse_other_packets(const TcpOptions& tcp) {
  if (tcp.mss != kHostMtu - kTcpHeaders) {
    throw UserError(fmt::format("network.mss = {}: a lab's packets have an MTU of {}; write {}",
                                tcp.mss, kHostMtu, format_bytes(kHostMtu - kTcpHeaders)));
  }
  if (tcp.header != kTcpHeaders + kLinkHeader) {
    throw UserError(
        fmt::format("network.header_bytes = {}: a lab's packets have {} of IP and TCP and {} of "
                    "Ethernet; write {}",
                    tcp.header, kTcpHeaders, kLinkHeader, format_bytes(kTcpHeaders + kLinkHeader)));
  }
}

}  // namespace

RelayNetwork relay_network(const NetworkDescription& network, const EmulatedOptions& options) {
  refuse_changes(network);
  refuse_other_packets(options.tcp);
  if (network.places > kMostHosts) {
    throw UserError(
        fmt::format("run.islands = {}: a lab has at most {}", network.places, kMostHosts));
  }
  RelayNetwork relay{.links = {}, .paths = network.paths};
  for (const LinkOptions& link : link_options(network, options)) {
    RelayLinkOptions relayed{.rate = link.rate, .delay = link.delay, .queue = link.queue};
    if (link.loss_ppm > 0 || !link.bursts.none()) relayed.loses = LinkLosses(link, network.seed);
    relay.links.push_back(std::move(relayed));
  }
  return relay;
}

HostSettings host_settings(const TcpOptions& tcp) {
  if (tcp.congestion == CongestionControl::kIdeal) {
    throw UserError("network.tcp = ideal: no kernel has it; write cubic, reno or bbr");
  }
  // The kernel counts its own use of buffers: a quarter of a send buffer, half of a receive buffer
  // (KernelCase has the measured cases by the same rule). Who gets the most from the beginning has
  // what a program gets that sets its buffers.
  const Bytes send = tcp.window_cap / 3 * 4, receive = 2 * tcp.window_cap;
  HostSettings host{.congestion_control = std::string(congestion_name(tcp.congestion)),
                    .slow_start_after_idle = tcp.idle_restart,
                    .send_buffer = {.most = send},
                    .receive_buffer = {.first = receive, .most = receive}};
  if (tcp.tuned_receive_window) host.receive_buffer.first = HostSettings{}.receive_buffer.first;
  return host;
}

}  // namespace strait
