// What the ends of a connection do with what arrives: the handshake, receiving and acknowledging,
// hearing of that and sending on.
#include <algorithm>
#include <utility>

#include "netsim/tcp_links.h"

namespace strait {
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
    hear_acks(state(flow_id).other, told,
              {now_, now_, 1, trains_[id].told_next, trains_[id].told_window}, sink);
  }
  Train& train = trains_[id];
  Flow& flow = state(flow_id);
  const Passing passing = train.passing;
  const Receiver::Answer answer = flow.receiver.arrived(train.segments, train.missing, now_);
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
  const Nanos first =
      passing.first + part_of(passing.last - passing.first, answer.first, passing.count - 1);
  send_acks(flow_id, id, answer.count, first, passing.last);
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
  train.window = flow.receiver.window();
  // They join the queue of the first link at once, which spares an event, and leave it no earlier
  // than if the first had come when it is sent.
  train.begins = first;
  const Nanos joins = path_of(train).empty() ? first : now_;
  train.passing = {joins, std::max(first, last), acks, acks * options_.ack};
  set_out(id);
}

void TcpLinks::acks_arrive(std::uint32_t id, LinkSink& sink) {
  const Train& train = trains_[id];
  hear_acks(
      train.flow, id,
      {train.passing.first, train.passing.last, train.passing.count, train.next, train.window},
      sink);
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
  const std::uint32_t key = timer_key(id, Timer::kSender);
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
    train.told_window = back.receiver.window();
    back.receiver.acknowledge();
  }
  set_out(train_id);
}

}  // namespace strait
