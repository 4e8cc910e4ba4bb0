#include "netsim/tcp_links.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/base/wide.h"

namespace strait {
LinkId TcpLinks::add_link(const LinkOptions& options) {
  STRAIT_CHECK(options.delay >= Nanos{0} && options.queue > 0, "a delay of {} ns, a queue of {}",
               options.delay.count(), options.queue);
  links_.push_back({.name = options.name,
                    .delay = options.delay,
                    .jitter = Jitter(options.jitter, seed_, options.name),
                    .queue = LinkQueue(options.rate, options.queue),
                    .loses = options.loses,
                    .loss = LossOdds(options.loss_ppm),
                    .loss_version = 1,
                    .bursts = options.bursts.none()
                                  ? BurstLoss()
                                  : BurstLoss(options.bursts, seed_, options.name),
                    .counters = {},
                    .ack_time = transfer_time(options_.ack, options.rate)});
  timetable_.set_lanes(2 * links_.size());
  return static_cast<LinkId>(links_.size() - 1);
}

// --- connections ---

FlowId TcpLinks::add_flow(std::span<const LinkId> path) {
  STRAIT_CHECK(path.size() <= kMaxHops, "a path of {} links", path.size());
  FlowId id{};
  if (free_flows_.empty()) {
    id = static_cast<FlowId>(flows_.size());
    flows_.emplace_back();
  } else {
    id = free_flows_.back();
    free_flows_.pop_back();
  }
  Flow& flow = state(id);
  const std::uint32_t generation = flow.generation + 1;
  flow = Flow{};
  flow.generation = generation;
  flow.in_use = true;
  flow.segments = Segments(options_.mss);
  flow.link_count = static_cast<std::uint8_t>(path.size());
  std::copy(path.begin(), path.end(), flow.links.begin());
  return id;
}

TcpLinks::Connection TcpLinks::connect(std::span<const LinkId> forward,
                                       std::span<const LinkId> backward, Nanos now,
                                       std::uint64_t key, Whose whose) {
  move_to(now);
  const Connection ends{add_flow(forward), add_flow(backward)};
  Flow& there = state(ends.forward);
  Flow& back = state(ends.backward);
  there.other = ends.backward;
  back.other = ends.forward;
  there.key = 2 * key;
  back.key = 2 * key + 1;
  there.whose = back.whose = whose;
  there.dials = true;
  there.dial_timeout = options_.syn_timeout;
  set_timer(ends.forward, Timer::kSender, now);
  return ends;
}

void TcpLinks::dial(FlowId id) {
  Flow& flow = state(id);
  flow.dialed = now_;
  set_timer(id, Timer::kSender, now_ + flow.dial_timeout);
  flow.dial_timeout = std::min(options_.rto_max, 2 * flow.dial_timeout);
  control(id, flow.dials ? Kind::kSyn : Kind::kSynAck, options_.syn);
}

void TcpLinks::open(FlowId id, Nanos rtt, LinkSink& sink) {
  Flow& flow = state(id);
  flow.open = true;
  flow.sender = std::make_unique<Sender>(options_, std::max(Nanos{1}, rtt),
                                         Rng(seed_, "congestion", flow.key), now_);
  if (flow.dials) flow.receiver = state(flow.other).receiver = Receiver(rtt);
  timers_.erase(timer_key(id, Timer::kSender));
  sink.opened(id, now_);
  if (flow.segments.count() > 0) wake(id);
}

void TcpLinks::offer(FlowId id, Bytes payload, Nanos now) {
  move_to(now);
  Flow& flow = state(id);
  STRAIT_CHECK(flow.in_use && !flow.resetting && (flow.open || flow.dials),
               "an offer of {} bytes on flow {}", payload, index_of(id));
  STRAIT_CHECK(payload > 0, "an offer of {} bytes", payload);
  flow.segments.add(payload, flow.open ? flow.sender->next() : 0);
  const Mark mark{flow.segments.count() - 1, flow.segments.payload()};
  flow.to_depart.push_back(mark);
  flow.to_arrive.push_back(mark);
  if (flow.open) wake(id);
}

// Its sender looks at the segments in the next advance().
void TcpLinks::wake(FlowId id) {
  if (std::exchange(state(id).woken, true)) return;
  woken_.push_back(id);
}

Bytes TcpLinks::reset(FlowId id, Nanos now) {
  move_to(now);
  Flow& flow = state(id);
  STRAIT_CHECK(flow.open && !flow.resetting, "a reset of flow {}", index_of(id));
  flow.resetting = true;
  flow.to_depart.clear();
  set_timer(id, Timer::kSender, now);
  return flow.departed;
}

void TcpLinks::forget(const Connection& connection, Nanos now) {
  move_to(now);
  free_flow(connection.forward);
  free_flow(connection.backward);
}

void TcpLinks::free_flow(FlowId id) {
  Flow& flow = state(id);
  STRAIT_CHECK(flow.in_use, "flow {} is forgotten twice", index_of(id));
  for (const Timer timer : {Timer::kSender, Timer::kAck, Timer::kArrival}) {
    timers_.erase(timer_key(id, timer));
  }
  if (flow.unreported != kNone) free_train(flow.unreported);
  const std::uint32_t generation = flow.generation + 1;
  flow = Flow{};
  flow.generation = generation;
  free_flows_.push_back(id);
}

// What was sent again, or arrived out of order, counts as full segments.
std::optional<StreamFigures> TcpLinks::figures(FlowId id, Nanos now) const {
  const Flow& flow = state(id);
  if (!flow.open) return std::nullopt;
  const Sender& sender = *flow.sender;
  const Bytes again = sender.sent_again() * options_.mss;
  const Sender::Use use = sender.use(now);
  const Bytes sent = flow.segments.before(sender.next());
  const Bytes acked = flow.segments.before(sender.acknowledged());
  return StreamFigures{.acked = std::min(sent, acked + sender.out_of_order() * options_.mss),
                       .sent = sent + again,
                       .sent_again = again,
                       .segments = sender.next() + sender.sent_again(),
                       .lost = sender.sent_again(),
                       .rtt = sender.smoothed_rtt(),
                       .least_rtt = sender.shortest_rtt(),
                       .busy = use.busy,
                       .held_up = use.held_up};
}

// --- time ---

void TcpLinks::move_to(Nanos now) {
  STRAIT_CHECK(!advancing_, "the link model is called from its own sink");
  STRAIT_CHECK(now >= now_ && next_event() >= now, "time {} after {}, with an event at {}",
               now.count(), now_.count(), next_event().count());
  now_ = now;
}

Nanos TcpLinks::next_event() {
  if (!woken_.empty()) return now_;
  return std::min(timetable_.next_time(), timers_.top_time());
}

void TcpLinks::advance(Nanos now, LinkSink& sink) {
  STRAIT_CHECK(!advancing_ && now >= now_, "advance to {} from {}", now.count(), now_.count());
  advancing_ = true;
  for (;;) {
    for (std::size_t i = 0; i < woken_.size(); ++i) {
      Flow& flow = state(woken_[i]);
      if (!std::exchange(flow.woken, false) || flow.resetting) continue;  // or forgotten
      ++events_;
      send(woken_[i], now_, now_, sink);
    }
    woken_.clear();
    const Nanos train_time = timetable_.next_time();
    const Nanos next = std::min(train_time, timers_.top_time());
    if (next > now) break;
    now_ = std::max(now_, next);
    ++events_;
    if (train_time == next) {
      run_train(timetable_.take(), sink);
    } else {
      const std::uint32_t key = timers_.top().key;
      timers_.erase(key);
      run_timer(static_cast<FlowId>(key / kTimers), static_cast<Timer>(key % kTimers), sink);
    }
  }
  now_ = now;
  advancing_ = false;
}

void TcpLinks::schedule(Timetable::Lane lane, std::uint32_t id) {
  timetable_.add(lane, std::max(now_, trains_[id].passing.first), id);
}

void TcpLinks::set_timer(FlowId flow, Timer timer, Nanos time) {
  timers_.set(timer_key(flow, timer), time);
}

void TcpLinks::run_timer(FlowId id, Timer timer, LinkSink& sink) {
  Flow& flow = state(id);
  switch (timer) {
    case Timer::kSender:
      if (flow.resetting) return control(id, Kind::kReset, options_.ack);
      if (!flow.open) return dial(id);
      flow.sender->on_timer(now_);
      return send(id, now_, now_, sink);
    case Timer::kAck: {
      if (flow.unreported == kNone) return;
      if (now_ < flow.ack_due) return set_timer(id, Timer::kAck, flow.ack_due);
      const std::uint32_t train = std::exchange(flow.unreported, kNone);
      const std::uint32_t also = trains_[train].also;
      flow.unreported = also;
      flow.receiver.acknowledge();
      return send_acks(id, train, 1, now_, now_);
    }
    case Timer::kArrival: {
      while (!flow.arrivals.empty() && flow.arrivals.front().time <= now_) {
        const Arrival arrival = flow.arrivals.pop_front();
        arrival.closes ? sink.closed(id, now_) : sink.arrived(id, arrival.payload_end, now_);
      }
      if (!flow.arrivals.empty()) set_timer(id, timer, flow.arrivals.front().time);
      return;
    }
  }
}

}  // namespace strait
