#include "netsim/tcp_links.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/base/wide.h"

namespace strait {
namespace {

constexpr std::uint32_t kTimers = 3;
constexpr std::int64_t kCentury = 3'155'760'000 * kNanosPerSecond;

Nanos part_of(Nanos length, std::int64_t part, std::int64_t whole) {
  return whole <= 0 ? Nanos{0}
                    : Nanos{static_cast<std::int64_t>(Wide{length.count()} * part / whole)};
}

}  // namespace

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
                    .begins = LossOdds(options.bursts.begin_ppm),
                    .ends = LossOdds(options.bursts.end_ppm),
                    .burst_rng = nullptr,
                    .counters = {}});
  if (Link& link = links_.back(); !options.bursts.none()) {
    link.burst_rng = std::make_unique<Rng>(seed_, "bursts " + link.name);
    link.until_switch = link.begins.draw(*link.burst_rng);
  }
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
  timers_.erase(index_of(id) * kTimers + static_cast<std::uint32_t>(Timer::kSender));
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
  for (std::uint32_t timer = 0; timer < kTimers; ++timer) {
    timers_.erase(index_of(id) * kTimers + timer);
  }
  if (flow.unreported != kNone) free_train(flow.unreported);
  const std::uint32_t generation = flow.generation + 1;
  flow = Flow{};
  flow.generation = generation;
  free_flows_.push_back(id);
}

void TcpLinks::set_silent(const Connection& connection, bool silent, Nanos now) {
  move_to(now);
  for (const FlowId flow : {connection.forward, connection.backward}) {
    state(flow).silent += silent ? 1 : -1;
  }
}

// --- links that change ---

void TcpLinks::set_up(LinkId id, bool up, Nanos now) {
  move_to(now);
  STRAIT_CHECK(link(id).up != up, "link {} is {} already", index_of(id), up ? "up" : "down");
  link(id).up = up;
}

void TcpLinks::set_rate(LinkId id, BytesPerSecond rate, Nanos now) {
  move_to(now);
  Link& changed = link(id);
  const BytesPerSecond before = changed.queue.rate();
  changed.queue.set_rate(rate, now);
  if (before == kUnlimited || before == rate) return;
  // What waits leaves faster or slower than it was told.
  const Nanos way = std::max(Nanos{0}, changed.delay + changed.jitter.at(now));
  const auto scaled = [&](Nanos arrives) {
    const Nanos wait = arrives - way - now;
    if (wait <= Nanos{0}) return arrives;
    if (rate == kUnlimited) return now + way;
    // A link that hardly moves (a trace that stands still) takes a century at most: no overflow.
    const Wide longer = std::min<Wide>(Wide{wait.count()} * before.value / rate.value, kCentury);
    return now + Nanos{static_cast<std::int64_t>(longer)} + way;
  };
  for (Event& event : events_heap_) {
    Train& train = trains_[event.train];
    if (train.hop == 0 || state(train.flow).generation != train.generation) continue;
    if (train.on != id) continue;
    train.passing.first = scaled(train.passing.first);
    train.passing.last = scaled(train.passing.last);
    event.time = std::max(now, train.passing.first);
  }
  std::make_heap(events_heap_.begin(), events_heap_.end(), Later{});
  for (Flow& flow : flows_) {
    if (!flow.in_use) continue;
    for (std::size_t hop = 0; hop < flow.link_count; ++hop) {
      if (flow.links[hop] != id) continue;
      flow.order[hop] = scaled(flow.order[hop]);
      state(flow.other).ack_order[hop] = scaled(state(flow.other).ack_order[hop]);
    }
  }
}

void TcpLinks::set_delay(LinkId id, Nanos delay, Nanos now) {
  move_to(now);
  link(id).delay = delay;
}

void TcpLinks::set_loss(LinkId id, std::int64_t ppm, Nanos now) {
  move_to(now);
  link(id).loss = LossOdds(ppm);
  ++link(id).loss_version;
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
  const Nanos train = events_heap_.empty() ? kNever : events_heap_.front().time;
  return std::min(train, timers_.top_time());
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
    const Nanos train_time = events_heap_.empty() ? kNever : events_heap_.front().time;
    const Nanos next = std::min(train_time, timers_.top_time());
    if (next > now) break;
    now_ = std::max(now_, next);
    ++events_;
    if (train_time == next) {
      const std::uint32_t train = events_heap_.front().train;
      std::pop_heap(events_heap_.begin(), events_heap_.end(), Later{});
      events_heap_.pop_back();
      run_train(train, sink);
    } else {
      const std::uint32_t key = timers_.top().key;
      timers_.erase(key);
      run_timer(static_cast<FlowId>(key / kTimers), static_cast<Timer>(key % kTimers), sink);
    }
  }
  now_ = now;
  advancing_ = false;
}

void TcpLinks::schedule(std::uint32_t id) {
  events_heap_.push_back({std::max(now_, trains_[id].passing.first), next_order_++, id});
  std::push_heap(events_heap_.begin(), events_heap_.end(), Later{});
}

void TcpLinks::set_timer(FlowId flow, Timer timer, Nanos time) {
  timers_.set(index_of(flow) * kTimers + static_cast<std::uint32_t>(timer), time);
}

std::uint32_t TcpLinks::take_train(FlowId flow, Kind kind) {
  std::uint32_t id = 0;
  if (free_trains_.empty()) {
    id = static_cast<std::uint32_t>(trains_.size());
    trains_.emplace_back();
  } else {
    id = free_trains_.back();
    free_trains_.pop_back();
  }
  Train& train = trains_[id];
  train.flow = flow;
  train.generation = state(flow).generation;
  train.kind = kind;
  train.hop = 0;
  train.again = false;
  train.also = train.told = kNone;
  train.missing.clear();
  return id;
}

// And those that it tells of.
void TcpLinks::free_train(std::uint32_t id) {
  while (id != kNone) {
    if (trains_[id].told != kNone) free_train(std::exchange(trains_[id].told, kNone));
    free_trains_.push_back(id);
    id = std::exchange(trains_[id].also, kNone);
  }
}

std::span<const LinkId> TcpLinks::path_of(const Train& train) const {
  const Flow& flow = state(train.flow);
  return train.kind == Kind::kAcks ? state(flow.other).path() : flow.path();
}

// --- trains ---

void TcpLinks::run_train(std::uint32_t id, LinkSink& sink) {
  const Train& train = trains_[id];
  if (train.hop > 0) {
    link(train.on).under_way -= train.passing.bytes;
    link(train.on).counters.delivered += train.passing.bytes;
  }
  if (state(train.flow).generation != train.generation) return free_train(id);
  if (train.hop < path_of(train).size()) return pass_link(id);
  arrive(id, sink);
}

void TcpLinks::control(FlowId flow, Kind kind, Bytes bytes) {
  const std::uint32_t id = take_train(flow, kind);
  trains_[id].passing = {now_, now_, 1, bytes};
  trains_[id].segments = {0, 1};
  if (state(flow).link_count == 0) return schedule(id);
  pass_link(id);
}

void TcpLinks::count(LinkCounters& counters, const Train& train) const {
  const Bytes bytes = train.passing.bytes;
  const Bytes header = train.passing.count * options_.header;
  if (state(train.flow).whose == Whose::kOthers) {
    counters.background += bytes;
    return;
  }
  switch (train.kind) {
    case Kind::kData:
      counters.retransmitted += train.again ? bytes : 0;
      counters.header += train.again ? 0 : header;
      counters.payload += train.again ? 0 : bytes - header;
      return;
    case Kind::kAcks:
    case Kind::kReset: counters.acks += bytes; return;
    case Kind::kSyn:
    case Kind::kSynAck:
    case Kind::kHandshakeAck: counters.handshake += bytes; return;
  }
}

void TcpLinks::enter(LinkCounters::Entered& entered, const Train& train) const {
  LinkCounters all;
  count(all, train);
  entered.header += all.header;
  entered.handshake += all.handshake;
  entered.acks += all.acks;
  entered.retransmitted += all.retransmitted;
}

Bytes TcpLinks::in_flight(LinkId id) const { return links_[index_of(id)].under_way; }

void TcpLinks::pass_link(std::uint32_t id) {
  Train& train = trains_[id];
  const auto path = path_of(train);
  Flow& flow = state(train.flow);
  Link& at = link(path[train.hop]);
  const bool cut = !at.up || flow.silent > 0;
  if (cut) return lose_train(id);
  count(at.counters, train);
  if (train.hop == 0) enter(at.counters.entered, train);
  train.passing.first = std::max(train.passing.first, now_);
  train.passing.last = std::max(train.passing.first, train.passing.last);
  dropped_.clear();
  const Bytes came = train.passing.bytes;
  Passing leaving = at.queue.pass(train.passing, dropped_);
  if (!dropped_.empty()) {
    at.counters.dropped += came - leaving.bytes;
    if (train.kind == Kind::kData) {
      // Places among those that are left become places in the train.
      std::vector<std::int32_t> places;
      std::size_t gone = 0;
      std::int32_t seen = 0, next_dropped = 0;
      for (std::int32_t place = 0; place < train.segments.count(); ++place) {
        if (gone < train.missing.size() && train.missing[gone] == place) {
          places.push_back(place);
          ++gone;
          continue;
        }
        if (next_dropped < static_cast<std::int32_t>(dropped_.size()) &&
            dropped_[static_cast<std::size_t>(next_dropped)] == seen) {
          places.push_back(place);
          ++next_dropped;
        }
        ++seen;
      }
      train.missing = std::move(places);
    }
  }
  if (leaving.count > 0 && train.kind != Kind::kReset) lose(train, at, leaving);
  at.under_way += leaving.bytes;
  if (at.queue.rate() != kUnlimited) {
    at.counters.busy += transfer_time(leaving.bytes, at.queue.rate());
  }
  if (leaving.count == 0) {
    return lose_train(id);
  }
  leaving.first += std::max(Nanos{0}, at.delay + at.jitter.at(leaving.first));
  leaving.last += std::max(Nanos{0}, at.delay + at.jitter.at(leaving.last));
  auto& order = train.kind == Kind::kAcks ? flow.ack_order : flow.order;
  leaving.first = std::max(leaving.first, order[train.hop]);
  leaving.last = std::max(leaving.last, leaving.first);
  order[train.hop] = leaving.last;
  train.passing = leaving;
  train.on = path[train.hop];
  ++train.hop;
  schedule(id);
}

// Nothing of the train is left.
void TcpLinks::lose_train(std::uint32_t id) {
  Train& train = trains_[id];
  switch (train.kind) {
    case Kind::kAcks: return keep_report(train.flow, id);
    case Kind::kReset:  // nobody else would miss it
      set_timer(train.flow, Timer::kSender, now_ + options_.rto_min);
      break;
    case Kind::kData:
      if (train.told != kNone) {
        const FlowId other = state(train.flow).other;
        keep_report(other, std::exchange(train.told, kNone));
        acknowledge_by(other, now_ + options_.delayed_ack);
      }
      break;
    default: break;
  }
  free_train(id);
}

// These acknowledgements are lost; the next ones tell what they would have told.
void TcpLinks::keep_report(FlowId flow, std::uint32_t id) {
  std::uint32_t last = id;
  while (trains_[last].also != kNone) last = trains_[last].also;
  trains_[last].also = std::exchange(state(flow).unreported, id);
}

void TcpLinks::acknowledge_by(FlowId id, Nanos time) {
  state(id).ack_due = time;
  const std::uint32_t key = index_of(id) * kTimers + static_cast<std::uint32_t>(Timer::kAck);
  if (time < timers_.time_of(key)) set_timer(id, Timer::kAck, time);
}

// The `place`th (from 0) of the packets that are left is lost.
void TcpLinks::strike(Train& train, Passing& leaving, std::int64_t place) {
  const Bytes bytes = leaving.bytes / leaving.count;
  --leaving.count;
  leaving.bytes -= bytes;
  if (train.kind != Kind::kData) return;
  std::int64_t at = place;
  auto before = train.missing.begin();
  while (before != train.missing.end() && *before <= at) {
    ++before;
    ++at;
  }
  train.missing.insert(before, static_cast<std::int32_t>(at));
}

void TcpLinks::lose(Train& train, Link& at, Passing& leaving) {
  const Bytes before = leaving.bytes;
  for (std::int64_t place = 0; at.loses && place < leaving.count;) {
    at.loses() ? strike(train, leaving, place) : void(++place);
  }
  if (!at.loss.none()) {
    Flow& flow = state(train.flow);
    if (flow.loss == nullptr) flow.loss = std::make_unique<std::array<Loss, 2 * kMaxHops>>();
    const bool acks = train.kind == Kind::kAcks;
    Loss& loss = (*flow.loss)[train.hop + (acks ? kMaxHops : 0)];
    if (loss.version != at.loss_version) {
      if (loss.rng == nullptr) {
        loss.rng = std::make_unique<Rng>(seed_, "loss " + at.name, 2 * flow.key + (acks ? 1 : 0));
      }
      loss.version = at.loss_version;
      loss.until_next = at.loss.draw(*loss.rng);
    }
    std::int64_t passed = 0;
    while (loss.until_next < leaving.count - passed) {
      passed += loss.until_next;
      strike(train, leaving, passed);
      loss.until_next = at.loss.draw(*loss.rng);
    }
    loss.until_next -= leaving.count - passed;
  }
  if (!at.begins.none() && leaving.count > 0) {
    std::int64_t passed = 0;
    for (;;) {
      const std::int64_t rest = leaving.count - passed;
      if (at.until_switch >= rest && !at.bad) {
        at.until_switch -= rest;
        break;
      }
      if (!at.bad) {
        passed += at.until_switch;
        at.bad = true;
        at.until_switch = at.ends.draw(*at.burst_rng) + 1;
        continue;
      }
      const std::int64_t burst = std::min(rest, at.until_switch);
      for (std::int64_t i = 0; i < burst; ++i) strike(train, leaving, passed);
      at.until_switch -= burst;
      if (at.until_switch > 0) break;
      at.bad = false;
      at.until_switch = at.begins.draw(*at.burst_rng);
      if (leaving.count == passed) break;
    }
  }
  at.counters.lost += before - leaving.bytes;
}

void TcpLinks::arrive(std::uint32_t id, LinkSink& sink) {
  Train& train = trains_[id];
  const FlowId flow = train.flow;
  if (state(flow).silent > 0 && train.kind != Kind::kReset) return lose_train(id);
  switch (train.kind) {
    case Kind::kData:
      hear_of_connection(state(flow).other, sink);  // if the handshake's end was lost
      return data_arrives(id, sink);
    case Kind::kAcks: return acks_arrive(id, sink);
    case Kind::kSyn: {
      free_train(id);
      Flow& answering = state(state(flow).other);
      if (answering.open) return;
      answering.dial_timeout = options_.syn_timeout;
      return dial(state(flow).other);
    }
    case Kind::kSynAck: {
      free_train(id);
      const FlowId dialing = state(flow).other;
      if (!state(dialing).open) {
        const Nanos dialed = state(dialing).dialed;
        control(dialing, Kind::kHandshakeAck, options_.ack);
        return open(dialing, now_ - dialed, sink);
      }
      return control(dialing, Kind::kHandshakeAck, options_.ack);
    }
    case Kind::kHandshakeAck: {
      free_train(id);
      return hear_of_connection(state(flow).other, sink);
    }
    case Kind::kReset: free_train(id); return mark_arrives(flow, {now_, 0, true}, sink);
  }
}

void TcpLinks::hear_of_connection(FlowId answering, LinkSink& sink) {
  if (!state(answering).open) open(answering, now_ - state(answering).dialed, sink);
}

void TcpLinks::data_arrives(std::uint32_t id, LinkSink& sink) {
  const FlowId flow_id = trains_[id].flow;
  if (const std::uint32_t told = std::exchange(trains_[id].told, kNone); told != kNone) {
    hear_acks(state(flow_id).other, told, {now_, now_, 1, trains_[id].told_next}, sink);
  }
  Train& train = trains_[id];
  Flow& flow = state(flow_id);
  const Passing passing = train.passing;
  const std::int64_t acks = flow.receiver.arrived(train.segments, train.missing, now_);
  // What is complete now arrives when its last segment does; what waited for this train, with the
  // train.
  while (!flow.to_arrive.empty() && flow.to_arrive.front().last < flow.receiver.next()) {
    const Mark mark = flow.to_arrive.pop_front();
    const bool inside = mark.last >= train.segments.first && mark.last < train.segments.end;
    const Nanos time = inside ? passing.first + part_of(passing.last - passing.first,
                                                        mark.last - train.segments.first,
                                                        train.segments.count() - 1)
                              : passing.last;
    mark_arrives(flow_id, {time, mark.payload_end, false}, sink);
  }
  // The first acknowledgement goes out at the second segment.
  const std::int64_t gaps = passing.count - 1;
  const Nanos first = acks < passing.count && gaps > 0
                          ? passing.first + part_of(passing.last - passing.first, 1, gaps)
                          : passing.first;
  send_acks(flow_id, id, acks, first, passing.last);
}

void TcpLinks::mark_arrives(FlowId id, Arrival arrival, LinkSink& sink) {
  Flow& flow = state(id);
  if (!flow.arrivals.empty()) {
    arrival.time = std::max(arrival.time, flow.arrivals.back().time);
  } else if (arrival.time <= now_) {
    return arrival.closes ? sink.closed(id, now_) : sink.arrived(id, arrival.payload_end, now_);
  } else {
    set_timer(id, Timer::kArrival, arrival.time);
  }
  flow.arrivals.push_back(arrival);
}

// Train `train` has arrived and is acknowledged, now or later.
void TcpLinks::send_acks(FlowId flow_id, std::uint32_t id, std::int64_t acks, Nanos first,
                         Nanos last) {
  Flow& flow = state(flow_id);
  Train& train = trains_[id];
  train.also = std::exchange(flow.unreported, kNone);
  if (acks == 0) {
    // It waits for the next segment, or for the timer.
    flow.unreported = id;
    return acknowledge_by(flow_id, last + options_.delayed_ack);
  }
  if (flow.receiver.owes()) acknowledge_by(flow_id, last + options_.delayed_ack);
  train.kind = Kind::kAcks;
  train.hop = 0;
  train.next = flow.receiver.next();
  train.passing = {first, std::max(first, last), acks, acks * options_.ack};
  if (first > now_ || path_of(train).empty()) return schedule(id);
  pass_link(id);
}

void TcpLinks::acks_arrive(std::uint32_t id, LinkSink& sink) {
  const Train& train = trains_[id];
  hear_acks(train.flow, id,
            {train.passing.first, train.passing.last, train.passing.count, train.next}, sink);
}

// The sender of `flow_id` hears of the trains from `train` on, which are done with then.
void TcpLinks::hear_acks(FlowId flow_id, std::uint32_t train, const Acknowledgements& acks,
                         LinkSink& sink) {
  Flow& flow = state(flow_id);
  if (flow.open && !flow.resetting) {
    reports_.clear();
    for (std::uint32_t at = train; at != kNone; at = trains_[at].also) {
      reports_.push_back({trains_[at].number, trains_[at].segments, trains_[at].missing});
    }
    std::sort(reports_.begin(), reports_.end(),
              [](const Report& a, const Report& b) { return a.number < b.number; });
    flow.sender->acknowledged(acks, reports_);
    flow.segments.forget(std::min(acks.acknowledged, flow.sender->next()));
    free_train(train);
    return send(flow_id, now_, std::max(now_, acks.last), sink);
  }
  free_train(train);
}

// --- sending ---

void TcpLinks::send(FlowId id, Nanos first, Nanos last, LinkSink& sink) {
  Flow& flow = state(id);
  sending_.clear();
  flow.sender->offer(flow.segments.count(), now_);
  flow.sender->send(first, last, sending_);
  // send_train() does not come back here.
  for (const Transmission& transmission : sending_) send_train(id, transmission);
  const std::int64_t next = flow.sender->next();
  while (!flow.to_depart.empty() && flow.to_depart.front().last < next) {
    flow.departed = flow.to_depart.pop_front().payload_end;
    sink.departed(id, flow.departed, now_);
  }
  // A timer that moves on is found out when it fires: it moves with every train.
  const std::uint32_t key = index_of(id) * kTimers + static_cast<std::uint32_t>(Timer::kSender);
  const Nanos timer = flow.sender->timer();
  if (timer < timers_.time_of(key) || timer == kNever) timers_.set(key, timer);
}

void TcpLinks::send_train(FlowId id, const Transmission& transmission) {
  Flow& flow = state(id);
  const std::uint32_t train_id = take_train(id, Kind::kData);
  Train& train = trains_[train_id];
  const Run run = transmission.segments;
  train.number = transmission.number;
  train.segments = run;
  train.again = transmission.again;
  train.passing = {transmission.first, transmission.last, run.count(),
                   flow.segments.before(run.end) - flow.segments.before(run.first) +
                       run.count() * options_.header};
  // What this end owes an acknowledgement for, the data brings along.
  Flow& back = state(flow.other);
  if (back.unreported != kNone && back.receiver.owes()) {
    train.told = std::exchange(back.unreported, kNone);
    train.told_next = back.receiver.next();
    back.receiver.acknowledge();
  }
  if (transmission.first > now_ || flow.link_count == 0) return schedule(train_id);
  pass_link(train_id);
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
