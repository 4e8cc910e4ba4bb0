#include "netsim/emulated_network.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "netsim/emulated_core.h"

namespace strait {
namespace {

class Endpoint : public Network {
 public:
  Endpoint(std::shared_ptr<EmulatedCore> core, PeerId self) : core_(std::move(core)), self_(self) {}
  void listen(Accept accept) override { core_->listen(self_, std::move(accept)); }
  std::unique_ptr<Stream> dial(PeerId to, Plane) override { return core_->dial(self_, to); }

 private:
  std::shared_ptr<EmulatedCore> core_;
  PeerId self_;
};

}  // namespace

std::vector<LinkOptions> link_options(const NetworkDescription& description,
                                      const EmulatedOptions& options) {
  const std::vector<Bytes> rooms =
      queue_rooms(description, options.queue, options.tcp.mss + options.tcp.header);
  std::vector<LinkOptions> links;
  for (std::size_t i = 0; i < rooms.size(); ++i) {
    const LinkSpec& link = description.links[i];
    links.push_back({.rate = link.rate,
                     .delay = link.delay,
                     .loss_ppm = link.loss_ppm,
                     .name = link.name,
                     .queue = rooms[i],
                     .jitter = link.jitter,
                     .bursts = link.bursts});
  }
  return links;
}

EmulatedNetwork::EmulatedNetwork(Loop& loop, Trace& trace, const NetworkDescription& description,
                                 const EmulatedOptions& options)
    : core_(std::make_shared<EmulatedCore>(loop, trace, description, options)) {
  core_->start(description.events);
  for (std::size_t peer = 0; peer < description.place_of_peer.size(); ++peer) {
    endpoints_.push_back(std::make_unique<Endpoint>(core_, static_cast<PeerId>(peer)));
  }
}

EmulatedNetwork::~EmulatedNetwork() { core_->stop(); }

Network& EmulatedNetwork::endpoint(PeerId peer) {
  return *endpoints_.at(static_cast<std::size_t>(index_of(peer)));
}

const PauseSchedule& EmulatedNetwork::pauses(PeerId peer) const { return core_->pauses(peer); }
void EmulatedNetwork::kill(PeerId peer) { core_->kill(peer); }
void EmulatedNetwork::silence(PeerId peer, Nanos until) { core_->silence(peer, until); }
std::vector<LinkRow> EmulatedNetwork::link_table() const { return core_->link_table(); }
const Links& EmulatedNetwork::model() const { return core_->model(); }

std::string to_csv(const std::vector<LinkRow>& rows) {
  std::string text =
      "link,payload_bytes,header_bytes,handshake_bytes,ack_bytes,retransmitted_bytes,"
      "background_bytes,delivered_bytes,dropped_bytes,lost_bytes,in_flight_bytes,busy_ns,"
      "configured_bytes_per_s\n";
  for (const LinkRow& row : rows) {
    const LinkCounters& c = row.counters;
    text += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{}\n", row.name, c.payload, c.header,
                        c.handshake, c.acks, c.retransmitted, c.background, c.delivered, c.dropped,
                        c.lost, row.in_flight, c.busy.count(),
                        row.rate == kUnlimited ? "" : fmt::format("{}", row.rate.value));
  }
  return text;
}

}  // namespace strait
