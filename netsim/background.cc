#include "netsim/background.h"

#include <algorithm>

#include "core/base/check.h"

namespace strait {

BackgroundTraffic::BackgroundTraffic(const NetworkDescription& description, Links& links) {
  if (description.background.empty()) return;
  const std::vector<Nanos> trips = round_trips(description);
  for (const LinkBackground& background : description.background) {
    const auto index = static_cast<std::size_t>(background.link);
    const LinkSpec& link = description.links[index];
    // One island alone has links on no path: then there and back is twice the link.
    const Nanos back = std::max(trips[index], 2 * link.delay) - link.delay;
    links_[background.link].back = links.add_link({kUnlimited, back, 0, link.name + " back"});
  }
}

void BackgroundTraffic::begin(Links& links, int link, Bytes size, Nanos now) {
  for (const FlowId flow : done_) {
    const Transfer& transfer = transfers_.at(flow);
    links.forget(transfer.flows, now);
    --links_.at(transfer.link).open;
    transfers_.erase(flow);
  }
  done_.clear();
  OnLink& on = links_.at(link);
  if (on.open == kMostAtOnce) return;
  ++on.open;
  const LinkId there[] = {static_cast<LinkId>(link)}, back[] = {on.back};
  // Peers' keys have the first bit of these unset.
  const std::uint64_t key =
      std::uint64_t{1} << 62 | static_cast<std::uint64_t>(link) << 40 | on.begun++;
  const Links::Connection flows = links.connect(there, back, now, key, Whose::kOthers);
  links.offer(flows.forward, size, now);
  transfers_[flows.forward] = {flows, link, size};
}

void BackgroundTraffic::arrived(FlowId flow, Bytes payload) {
  STRAIT_CHECK(payload == transfers_.at(flow).size, "{} of {} bytes of background arrived", payload,
               transfers_.at(flow).size);
  done_.push_back(flow);
}

}  // namespace strait
