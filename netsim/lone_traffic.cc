#include "netsim/lone_traffic.h"

namespace strait {

std::size_t LoneTraffic::connect(std::span<const LinkId> forward,
                                 std::span<const LinkId> backward) {
  ends_.push_back({.flows = links_->connect(forward, backward, now(), ends_.size())});
  return ends_.size() - 1;
}

void LoneTraffic::offer(std::size_t connection, Bytes payload) {
  links_->offer(ends_[connection].flows.forward, payload, now());
}

bool LoneTraffic::run(const std::function<bool()>& done, Nanos until) {
  while (!done()) {
    const Nanos next = links_->next_event();
    if (next == kNever || next > until) return false;
    links_->advance(next, *this);
  }
  return true;
}

void LoneTraffic::opened(FlowId flow, Nanos time) {
  for (Ends& ends : ends_) {
    if (ends.flows.forward == flow) ends.opened = time;
  }
}

void LoneTraffic::departed(FlowId flow, Bytes payload, Nanos) {
  for (Ends& ends : ends_) {
    if (ends.flows.forward == flow) ends.departed = payload;
  }
}

void LoneTraffic::arrived(FlowId flow, Bytes, Nanos time) {
  for (Ends& ends : ends_) {
    if (ends.flows.forward == flow) ends.arrivals.push_back(time);
  }
}

}  // namespace strait
