#include "netsim/ideal_links.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/base/wide.h"

namespace strait {

bool IdealLinks::passes(std::span<const LinkId> path, LinkId link) {
  return std::find(path.begin(), path.end(), link) != path.end();
}

Nanos first_firing(Nanos start, Nanos timeout, Nanos longest, Nanos now) {
  Nanos fires = start + timeout;
  while (fires < now) {
    timeout = std::min(2 * timeout, longest);
    fires += timeout;
  }
  return fires;
}

LinkId IdealLinks::add_link(const LinkOptions& options) {
  STRAIT_CHECK(options.delay >= Nanos{0}, "a delay of {} ns", options.delay.count());
  const LinkId id = shares_.add_link(options.rate);
  Link& link = links_.emplace_back();
  link.name = options.name;
  link.rate = options.rate;
  link.delay = options.delay;
  link.jitter = Jitter(options.jitter, seed_, options.name);
  link.loss =
      LossOdds(std::min<std::int64_t>(options.loss_ppm + options.bursts.lost_ppm(), 999'999));
  return id;
}

// --- connections ---

IdealLinks::Connection IdealLinks::connect(std::span<const LinkId> forward,
                                           std::span<const LinkId> backward, Nanos now,
                                           std::uint64_t key, Whose whose) {
  move_to(now);
  Nanos rtt{0};
  for (const LinkId link : forward) rtt += links_[index_of(link)].delay;
  for (const LinkId link : backward) rtt += links_[index_of(link)].delay;
  const Connection ends{add_flow(forward, rtt), add_flow(backward, rtt)};
  state(ends.forward).other = ends.backward;
  state(ends.backward).other = ends.forward;
  state(ends.forward).whose = state(ends.backward).whose = whose;
  state(ends.forward).key = 2 * key;
  state(ends.backward).key = 2 * key + 1;
  for (const LinkId index : links_of(ends)) {
    Link& link = links_[index_of(index)];
    for (const FlowId id : {ends.forward, ends.backward}) {
      link.flows.insert(std::lower_bound(link.flows.begin(), link.flows.end(), id), id);
      state(id).outages += !link.up;
      if (!link.loss.none()) set_flow_loss(state(id), index);
    }
  }
  state(ends.forward).phase = Phase::kDialing;
  state(ends.forward).outage_start = now;
  state(ends.backward).phase = Phase::kAwaited;
  dial(ends.forward);
  return ends;
}

FlowId IdealLinks::add_flow(std::span<const LinkId> path, Nanos rtt) {
  Flow flow{.tcp = TcpFlow(tcp_, path.empty() ? 0 : tcp_.header, rtt)};
  flow.link_count = static_cast<std::uint8_t>(path.size());
  std::copy(path.begin(), path.end(), flow.links.begin());
  for (const LinkId link : path) flow.delay += links_[index_of(link)].delay;
  FlowId id{};
  if (free_.empty()) {
    id = static_cast<FlowId>(flows_.size());
    flows_.push_back(std::move(flow));
  } else {
    id = free_.back();
    free_.pop_back();
    state(id) = std::move(flow);
  }
  shares_.add_flow(id, path);
  return id;
}

/// All links on which something of the connection passes, each once.
std::vector<LinkId> IdealLinks::links_of(const Connection& connection) const {
  const auto forward = state(connection.forward).path();
  std::vector<LinkId> links(forward.begin(), forward.end());
  for (const LinkId link : state(connection.backward).path()) {
    if (!passes(forward, link)) links.push_back(link);
  }
  return links;
}

void IdealLinks::dial(FlowId id) {
  Flow& flow = state(id);
  count_handshake(flow, tcp_.syn);
  flow.syn_lost = flow.outages > 0;
  const Nanos rtt = flow.delay + state(flow.other).delay;
  timers_.set(index_of(id), flow.syn_lost ? first_firing(flow.outage_start, tcp_.syn_timeout,
                                                         tcp_.rto_max, now_ + Nanos{1})
                                          : now_ + rtt);
}

void IdealLinks::finish_handshake(FlowId id, LinkSink& sink) {
  Flow& flow = state(id);
  count_handshake(state(flow.other), tcp_.syn);
  count_handshake(flow, tcp_.ack);
  flow.phase = Phase::kOpen;
  flow.leaving_since = now_;
  timers_.set(index_of(flow.other), now_ + flow.delay);
  sink.opened(id, now_);
  if (flow.tcp.has_backlog()) wake(id);
}

void IdealLinks::offer(FlowId id, Bytes payload, Nanos now) {
  move_to(now);
  Flow& flow = state(id);
  STRAIT_CHECK(flow.phase != Phase::kFree && flow.phase != Phase::kAwaited &&
                   flow.phase != Phase::kResetting,
               "an offer of {} bytes on flow {} in phase {}", payload, index_of(id),
               static_cast<int>(flow.phase));
  if (!flow.tcp.has_backlog()) flow.leaving_since = now;
  flow.tcp.offer(payload);
  const bool waits = timers_.time_of(index_of(id)) != kNever;  // for the next round
  if (flow.phase == Phase::kOpen && !shares_.active(id) && !waits) wake(id);
}

Bytes IdealLinks::reset(FlowId id, Nanos now) {
  move_to(now);
  Flow& flow = state(id);
  STRAIT_CHECK(flow.phase == Phase::kOpen || flow.phase == Phase::kOutage,
               "a reset of flow {} in phase {}", index_of(id), static_cast<int>(flow.phase));
  flow.tcp.settle(now);
  collect_departed(id, nullptr);
  count_lost(flow, flow.tcp.drop_backlog(), /*counted=*/false);
  set_sending(id, false);
  timers_.erase(index_of(id));
  if (flow.phase == Phase::kOpen) flow.outage_start = now;
  flow.phase = Phase::kResetting;
  flow.resets = true;
  if (flow.outages == 0) send_reset(id);
  return flow.tcp.departed();
}

bool IdealLinks::established(FlowId id) const {
  const Phase phase = state(id).phase;
  return phase == Phase::kOpen || phase == Phase::kOutage || phase == Phase::kResetting;
}

void IdealLinks::send_reset(FlowId id) {
  Flow& flow = state(id);
  flow.resets = false;
  send(id, {.time = arrives_now(flow), .mark = {}, .closes = true});
}

void IdealLinks::forget(const Connection& connection, Nanos now) {
  move_to(now);
  STRAIT_CHECK(state(connection.forward).phase != Phase::kFree, "flow {} is forgotten twice",
               index_of(connection.forward));
  for (const LinkId index : links_of(connection)) {
    auto& flows = links_[index_of(index)].flows;
    for (const FlowId id : {connection.forward, connection.backward}) {
      flows.erase(std::lower_bound(flows.begin(), flows.end(), id));
    }
  }
  forget(connection.forward);
  forget(connection.backward);
}

void IdealLinks::forget(FlowId id) {
  Flow& flow = state(id);
  flow.tcp.settle(now_);
  collect_departed(id, nullptr);
  count_lost(flow, flow.tcp.drop_backlog(), /*counted=*/false);
  while (!flow.under_way.empty()) {
    count_lost(flow, flow.under_way.pop_front().mark, /*counted=*/true);
  }
  set_sending(id, false);
  shares_.remove_flow(id);
  timers_.erase(index_of(id));
  arrivals_.erase(index_of(id));
  flow.phase = Phase::kFree;
  free_.push_back(id);
}

// --- time ---

void IdealLinks::move_to(Nanos now) {
  STRAIT_CHECK(!advancing_, "the link model is called from its own sink");
  STRAIT_CHECK(now >= now_, "time {} after {}", now.count(), now_.count());
  if (now == now_) return;
  const Nanos next = next_event();
  STRAIT_CHECK(next >= now, "the event at {} was left out; it is {}", next.count(), now.count());
  now_ = now;
}

Nanos IdealLinks::next_event() {
  give_rates();
  return std::min(timers_.top_time(), arrivals_.top_time());
}

void IdealLinks::advance(Nanos now, LinkSink& sink) {
  STRAIT_CHECK(!advancing_ && now >= now_, "advance to {} from {}", now.count(), now_.count());
  advancing_ = true;
  for (;;) {
    Nanos next = std::min(timers_.top_time(), arrivals_.top_time());
    // All events of an instant come first; then the links are shared anew, once.
    if (next > now_ && !shares_.solved()) {
      give_rates();
      next = std::min(timers_.top_time(), arrivals_.top_time());
    }
    if (next > now) break;
    now_ = next;
    ++events_;
    if (timers_.top_time() == next) {
      on_timer(static_cast<FlowId>(timers_.top().key), sink);
    } else {
      on_arrival(static_cast<FlowId>(arrivals_.top().key), sink);
    }
  }
  now_ = now;
  advancing_ = false;
}

void IdealLinks::give_rates() {
  for (const FlowId id : shares_.solve()) {
    TcpFlow& tcp = state(id).tcp;
    tcp.settle(now_);
    tcp.set_rate(shares_.rate(id), now_);
    timers_.set(index_of(id), tcp.next_change());
  }
}

void IdealLinks::on_timer(FlowId id, LinkSink& sink) {
  Flow& flow = state(id);
  timers_.erase(index_of(id));
  switch (flow.phase) {
    case Phase::kFree: break;
    case Phase::kDialing: return flow.syn_lost ? dial(id) : finish_handshake(id, sink);
    case Phase::kAwaited: flow.phase = Phase::kOpen; return sink.opened(id, now_);
    case Phase::kOpen: return review(id, sink);
    case Phase::kOutage: return end_outage(id, sink);
    case Phase::kResetting: return send_reset(id);
  }
  STRAIT_CHECK(false, "flow {} was forgotten and has a timer", index_of(id));
}

void IdealLinks::on_arrival(FlowId id, LinkSink& sink) {
  Flow& flow = state(id);
  const Arrival arrival = flow.under_way.pop_front();
  arrivals_.set(index_of(id), flow.under_way.empty() ? kNever : flow.under_way.front().time);
  if (arrival.closes) return sink.closed(id, now_);
  for (const LinkId link : flow.path()) {
    LinkCounters& counters = links_[index_of(link)].counters;
    counters.delivered += arrival.mark.payload + arrival.mark.header;
  }
  sink.arrived(id, arrival.mark.payload_end, now_);
}

// --- sending ---

// Something happened to an open flow: a mark left, its window was used up, or a round ended.
void IdealLinks::review(FlowId id, LinkSink& sink) {
  Flow& flow = state(id);
  flow.tcp.settle(now_);
  collect_departed(id, &sink);
  if (!flow.tcp.has_backlog()) return set_sending(id, false);
  if (!shares_.active(id)) return wake(id);
  if (flow.tcp.blocked()) {
    set_sending(id, false);
    timers_.set(index_of(id), flow.tcp.round_end());
  } else if (flow.tcp.rate().value > 0) {
    timers_.set(index_of(id), flow.tcp.next_change());
  }
}

// An open flow that does not send has something to send.
void IdealLinks::wake(FlowId id) {
  Flow& flow = state(id);
  if (flow.outages > 0) return start_outage(id);
  flow.tcp.begin(now_);
  if (flow.tcp.blocked()) {
    timers_.set(index_of(id), flow.tcp.round_end());
  } else {
    set_sending(id, true);  // give_rates() sets the timer
  }
}

void IdealLinks::collect_departed(FlowId id, LinkSink* sink) {
  Flow& flow = state(id);
  while (const auto mark = flow.tcp.take_departed()) {
    count_departed(flow, *mark);
    send(id, {.time = repaired(flow, *mark), .mark = *mark});
    flow.leaving_since = now_;
    if (sink != nullptr) sink->departed(id, mark->payload_end, now_);
  }
}

// When a mark that leaves now has arrived, with what has to be sent again.
Nanos IdealLinks::repaired(Flow& flow, const Mark& mark) {
  Nanos arrives = arrives_now(flow);
  if (flow.loss == nullptr) return arrives;
  // Most marks lose nothing; then the draws are not even looked at.
  const std::int64_t before = flow.untold;
  flow.untold += mark.segments;
  if (flow.untold <= flow.quiet) return arrives;
  const Nanos rtt = flow.delay + state(flow.other).delay;
  const Wide took = (now_ - flow.leaving_since).count();
  flow.loss->send(std::exchange(flow.untold, 0), [&](const FlowLoss::Lost& lost) {
    const std::int64_t segment = lost.segment - before;
    const auto after = static_cast<std::int64_t>(took * (segment + 1) / mark.segments);
    const Nanos left = flow.leaving_since + Nanos{after};
    arrives = std::max(arrives, left + flow.delay + lost.tries * rtt);
    if (flow.whose == Whose::kOthers) return;
    const Wide bytes = mark.payload + mark.header;
    const auto again =
        static_cast<Bytes>(bytes * (segment + 1) / mark.segments - bytes * segment / mark.segments);
    for (std::size_t hop = 0; hop <= lost.hop; ++hop) {
      links_[index_of(flow.links[hop])].counters.retransmitted += again;
    }
    links_[index_of(flow.links[0])].counters.entered.retransmitted += again;
  });
  flow.quiet = flow.loss->quiet();
  return arrives;
}

// When the last byte of what leaves now is there.
Nanos IdealLinks::arrives_now(const Flow& flow) {
  Nanos delay = flow.delay;
  for (const LinkId link : flow.path()) delay += links_[index_of(link)].jitter.at(now_);
  return now_ + std::max(Nanos{0}, delay);
}

// Jitter never reorders: what follows in a flow waits for what is under way.
void IdealLinks::send(FlowId id, Arrival arrival) {
  Flow& flow = state(id);
  if (!flow.under_way.empty()) arrival.time = std::max(arrival.time, flow.under_way.back().time);
  flow.under_way.push_back(arrival);
  if (flow.under_way.size() == 1) arrivals_.set(index_of(id), arrival.time);
}

void IdealLinks::set_sending(FlowId id, bool sending) {
  Flow& flow = state(id);
  if (shares_.active(id) == sending) return;
  if (!sending) flow.tcp.set_rate({0}, now_);
  shares_.set_active(id, sending);
  for (const LinkId index : flow.path()) {
    Link& link = links_[index_of(index)];
    if (link.rate == kUnlimited) continue;
    const std::size_t senders = shares_.active_on(index);
    if (senders == (sending ? 1 : 0)) count_busy(link, !sending, sending);
  }
}

// --- counting ---

void IdealLinks::count_busy(Link& link, bool was_sending, bool is_sending) {
  if (was_sending) link.counters.busy += now_ - link.busy_since;
  if (is_sending) link.busy_since = now_;
}

void IdealLinks::count_handshake(const Flow& flow, Bytes bytes) {
  const bool others = flow.whose == Whose::kOthers;
  if (flow.link_count > 0 && !others) {
    links_[index_of(flow.links[0])].counters.entered.handshake += bytes;
  }
  for (const LinkId link : flow.path()) {
    LinkCounters& counters = links_[index_of(link)].counters;
    (others ? counters.background : counters.handshake) += bytes;
  }
}

void IdealLinks::count_departed(const Flow& flow, const Mark& mark) {
  const bool others = flow.whose == Whose::kOthers;
  for (const LinkId link : flow.path()) {
    LinkCounters& counters = links_[index_of(link)].counters;
    counters.background += others ? mark.payload + mark.header : 0;
    counters.payload += others ? 0 : mark.payload;
    counters.header += others ? 0 : mark.header;
  }
  if (flow.link_count == 0 || others) return;
  links_[index_of(flow.links[0])].counters.entered.header += mark.header;
}

// `counted`: these bytes were counted when they left.
void IdealLinks::count_lost(const Flow& flow, const Mark& mark, bool counted) {
  if (!counted) count_departed(flow, mark);
  for (const LinkId link : flow.path()) {
    links_[index_of(link)].counters.lost += mark.payload + mark.header;
  }
}

LinkCounters IdealLinks::counters(LinkId link) const {
  LinkCounters result = links_[index_of(link)].counters;
  if (shares_.active_on(link) > 0) result.busy += now_ - links_[index_of(link)].busy_since;
  return result;
}

Bytes IdealLinks::in_flight(LinkId link) const {
  Bytes sum = 0;
  for (const FlowId id : links_[index_of(link)].flows) {
    const Flow& flow = state(id);
    if (!passes(flow.path(), link)) continue;
    for (std::size_t i = 0; i < flow.under_way.size(); ++i) {
      sum += flow.under_way[i].mark.payload + flow.under_way[i].mark.header;
    }
  }
  return sum;
}

}  // namespace strait
