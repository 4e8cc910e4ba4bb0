// What happens to links and to the ends of connections: the part of IdealLinks that changes the
// world its flows live in.
#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "netsim/ideal_links.h"

namespace strait {

// --- outages ---

void IdealLinks::set_up(LinkId link, bool up, Nanos now) {
  move_to(now);
  Link& changed = links_[index_of(link)];
  STRAIT_CHECK(changed.up != up, "link {} is {} already", index_of(link), up ? "up" : "down");
  changed.up = up;
  for (const FlowId flow : changed.flows) path_changed(flow, up);
}

void IdealLinks::set_silent(const Connection& connection, bool silent, Nanos now) {
  move_to(now);
  path_changed(connection.forward, !silent);
  path_changed(connection.backward, !silent);
}

void IdealLinks::path_changed(FlowId id, bool up) {
  Flow& flow = state(id);
  flow.outages += up ? -1 : 1;
  if (!up && flow.phase == Phase::kDialing && !flow.syn_lost) {
    flow.syn_lost = true;
    timers_.set(index_of(id),
                first_firing(flow.outage_start, tcp_.syn_timeout, tcp_.rto_max, now_ + Nanos{1}));
  }
  if (!up && flow.phase == Phase::kOpen) {
    flow.tcp.settle(now_);
    if (flow.tcp.has_backlog()) start_outage(id);
  }
  const bool waits = flow.phase == Phase::kOutage || flow.resets;
  if (!waits) return;
  if (up && flow.outages == 0) {
    timers_.set(index_of(id), first_firing(flow.outage_start, flow.tcp.rto(), tcp_.rto_max, now_));
  } else if (!up && flow.outage_start < now_) {
    timers_.erase(index_of(id));  // down again before the timer fired
  }
}

void IdealLinks::start_outage(FlowId id) {
  Flow& flow = state(id);
  set_sending(id, false);
  flow.phase = Phase::kOutage;
  flow.outage_start = now_;
  timers_.set(index_of(id), now_);  // for a mark that left in this very instant
}

void IdealLinks::end_outage(FlowId id, LinkSink& sink) {
  Flow& flow = state(id);
  collect_departed(id, &sink);
  if (flow.outages > 0) return;
  flow.phase = Phase::kOpen;
  if (!flow.tcp.has_backlog()) return;
  flow.tcp.begin_after_timeout(now_);
  set_sending(id, true);
}

// --- rate, delay, loss ---

void IdealLinks::set_rate(LinkId link, BytesPerSecond rate, Nanos now) {
  move_to(now);
  Link& changed = links_[index_of(link)];
  if (changed.rate == rate) return;
  const bool was_sending = shares_.active_on(link) > 0;
  const bool limited_both = changed.rate != kUnlimited && rate != kUnlimited;
  changed.rate = rate;
  shares_.set_capacity(link, rate);
  if (!limited_both) share_anew(link);
  count_busy(changed, was_sending, shares_.active_on(link) > 0);
}

// Links without a limit take no part in sharing: the link's flows are told anew where they pass.
void IdealLinks::share_anew(LinkId link) {
  for (const FlowId id : links_[index_of(link)].flows) {
    const Flow& flow = state(id);
    if (!passes(flow.path(), link)) continue;
    const bool active = shares_.active(id);
    shares_.remove_flow(id);
    shares_.add_flow(id, flow.path());
    shares_.set_active(id, active);
  }
}

void IdealLinks::set_delay(LinkId link, Nanos delay, Nanos now) {
  STRAIT_CHECK(delay >= Nanos{0}, "a delay of {} ns", delay.count());
  move_to(now);
  Link& changed = links_[index_of(link)];
  const Nanos more = delay - changed.delay;
  if (more == Nanos{0}) return;
  changed.delay = delay;
  for (const FlowId id : changed.flows) {
    if (passes(state(id).path(), link)) state(id).delay += more;
  }
  for (const FlowId id : changed.flows) set_rtt(id);
}

void IdealLinks::set_rtt(FlowId id) {
  Flow& flow = state(id);
  flow.tcp.set_rtt(flow.delay + state(flow.other).delay, now_);
  if (flow.phase != Phase::kOpen) return;
  if (shares_.active(id)) {
    if (flow.tcp.rate().value > 0) timers_.set(index_of(id), flow.tcp.next_change());
  } else if (timers_.time_of(index_of(id)) != kNever) {  // its window is used up
    timers_.set(index_of(id), std::max(now_, flow.tcp.round_end()));
  }
}

void IdealLinks::set_loss(LinkId link, std::int64_t ppm, Nanos now) {
  move_to(now);
  Link& changed = links_[index_of(link)];
  changed.loss = LossOdds(ppm);
  for (const FlowId id : changed.flows) set_flow_loss(state(id), link);
}

// What is leaving at this moment is lost with the new odds as a whole.
void IdealLinks::set_flow_loss(Flow& flow, LinkId link) {
  const auto path = flow.path();
  const auto at = std::find(path.begin(), path.end(), link);
  if (at == path.end()) return;
  if (flow.loss == nullptr) flow.loss = std::make_unique<FlowLoss>();
  flow.loss->send(std::exchange(flow.untold, 0), [](const FlowLoss::Lost&) {});  // loses none
  const Link& loses = links_[index_of(link)];
  flow.loss->set(static_cast<std::size_t>(at - path.begin()), loses.loss, seed_, loses.name,
                 flow.key);
  flow.quiet = flow.loss->quiet();
}

}  // namespace strait
