// What becomes of a train on a link: the queue, the loss, the delay, and what counts where.
#include <algorithm>
#include <utility>

#include "netsim/tcp_links.h"

namespace strait {

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
  set_out(id);
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

// It begins its way when its first segment does.
void TcpLinks::set_out(std::uint32_t id) {
  const auto path = path_of(trains_[id]);
  if (path.empty()) return schedule(Timetable::kNoLane, id);
  if (trains_[id].passing.first > now_) return schedule(to(path.front()), id);
  pass_link(id);
}

Nanos TcpLinks::busy(const Link& link) {
  return link.counters.busy + transfer_time(link.at_this_rate, link.queue.rate());
}

LinkCounters TcpLinks::counters(LinkId id) const {
  LinkCounters counters = links_[index_of(id)].counters;
  counters.busy = busy(links_[index_of(id)]);
  return counters;
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
  at.counters.dropped += came - leaving.bytes;
  if (!dropped_.empty() && train.kind == Kind::kData) drop(train);
  if (leaving.count > 0 && train.kind != Kind::kReset) lose(train, at, leaving);
  at.under_way += leaving.bytes;
  at.at_this_rate += leaving.bytes;
  if (leaving.count == 0) return lose_train(id);
  if (train.kind == Kind::kAcks && train.hop == 0) {
    leaving.first = std::max(leaving.first, train.begins + at.ack_time);
    leaving.last = std::max(leaving.last, leaving.first);
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
  schedule(from(train.on), id);
}

// `dropped_` are places among the segments that came; they become places in the train.
void TcpLinks::drop(Train& train) {
  std::vector<std::int32_t> places;
  std::size_t gone = 0, next = 0;
  std::int32_t seen = 0;
  for (std::int32_t place = 0; place < train.segments.count(); ++place) {
    if (gone < train.missing.size() && train.missing[gone] == place) {
      places.push_back(place);
      ++gone;
      continue;
    }
    if (next < dropped_.size() && dropped_[next] == seen) {
      places.push_back(place);
      ++next;
    }
    ++seen;
  }
  train.missing = std::move(places);
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
  if (time < timers_.time_of(timer_key(id, Timer::kAck))) set_timer(id, Timer::kAck, time);
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

// What is left of the train after the queue may get lost on the wire.
void TcpLinks::lose(Train& train, Link& at, Passing& leaving) {
  const Bytes before = leaving.bytes;
  const auto strike_all = [&] {  // from the back: that moves no other
    for (auto place = lost_.rbegin(); place != lost_.rend(); ++place) {
      strike(train, leaving, *place);
    }
    lost_.clear();
  };
  if (at.loses) {
    for (std::int64_t place = 0; place < leaving.count; ++place) {
      if (at.loses()) lost_.push_back(place);
    }
    strike_all();
  }
  if (!at.loss.none()) {
    lose_one_by_one(train, at, leaving.count);
    strike_all();
  }
  if (!at.bursts.none()) {
    at.bursts.pass(leaving.count, lost_);
    strike_all();
  }
  at.counters.lost += before - leaving.bytes;
}

// Adds to `lost_` the places of the packets that the link loses each by itself.
void TcpLinks::lose_one_by_one(Train& train, Link& at, std::int64_t packets) {
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
  std::int64_t place = 0;
  for (; loss.until_next < packets - place; ++place) {
    place += loss.until_next;
    lost_.push_back(place);
    loss.until_next = at.loss.draw(*loss.rng);
  }
  loss.until_next -= packets - place;
}

}  // namespace strait
