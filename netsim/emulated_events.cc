// What happens to links and peers on the way: events, traces, random outages, silence and death.
#include <algorithm>

#include "core/base/check.h"
#include "netsim/emulated_core.h"

namespace strait {

namespace {

/// Second figure of a kLinkChanged record; the third is the value.
enum class Changed : std::int64_t { kRate = 0, kDelay = 1, kLoss = 2 };

}  // namespace

// --- links ---

void EmulatedCore::apply(const NetworkEvent& event) {
  if (!enter()) return;
  const Nanos now = loop_->now();
  const auto changed = [&](int link, Changed what, std::int64_t value) {
    trace_.add({now, TraceKind::kLinkChanged, link, static_cast<std::int64_t>(what), value});
  };
  if (event.kind == NetworkEventKind::kIslandSilent) {
    const Nanos until = event.duration == Nanos{0} ? kNever : now + event.duration;
    return silence(peer_of(event.island), until);
  }
  for (const int index : event.links) {
    const auto link = static_cast<LinkId>(index);
    switch (event.kind) {
      case NetworkEventKind::kLinkDown:
      case NetworkEventKind::kLinkUp:
        set_up(index, event.kind == NetworkEventKind::kLinkUp, /*drawn=*/false);
        break;
      case NetworkEventKind::kLinkRate:
        model_->set_rate(link, event.rate, now);
        changed(index, Changed::kRate, event.rate.value);
        break;
      case NetworkEventKind::kLinkDelay:
        model_->set_delay(link, event.delay, now);
        changed(index, Changed::kDelay, event.delay.count());
        break;
      case NetworkEventKind::kLinkLoss:
        model_->set_loss(link, event.loss_ppm, now);
        changed(index, Changed::kLoss, event.loss_ppm);
        break;
      default: STRAIT_CHECK(false, "an event of kind {} with links", static_cast<int>(event.kind));
    }
  }
}

/// Traces and random outages have no end, so only the next change is on the loop.
void EmulatedCore::play() {
  if (loop_ == nullptr || playback_.next() == kNever) return;
  loop_->at(playback_.next(), [weak = weak_from_this()] {
    const auto core = weak.lock();
    if (core == nullptr || !core->enter()) return;
    while (core->playback_.next() <= core->loop_->now()) core->apply(core->playback_.take());
    core->play();
  });
}

void EmulatedCore::apply(const LinkChange& change) {
  const Nanos now = loop_->now();
  for (const int link : change.links) {
    if (change.up) set_up(link, *change.up, /*drawn=*/true);
    if (change.rate) model_->set_rate(static_cast<LinkId>(link), *change.rate, now);
    if (change.delay) model_->set_delay(static_cast<LinkId>(link), *change.delay, now);
    if (change.transfer > 0) background_.begin(*model_, link, change.transfer, now);
    if (change.loss_ppm) model_->set_loss(static_cast<LinkId>(link), *change.loss_ppm, now);
  }
}

/// A link is up while nothing holds it down: an event and an outage may overlap.
void EmulatedCore::set_up(int link, bool up, bool drawn) {
  LinkState& state = links_[static_cast<std::size_t>(link)];
  state.outages += up ? -1 : 1;
  STRAIT_CHECK(state.outages >= 0, "link {} comes up and is not down", state.name);
  if (state.outages > (up ? 0 : 1)) return;
  model_->set_up(static_cast<LinkId>(link), up, loop_->now());
  trace_.add({loop_->now(), up ? TraceKind::kLinkUp : TraceKind::kLinkDown, link, drawn ? 1 : 0});
}

// --- peers ---

std::vector<EmulatedCore::Shared> EmulatedCore::connections_of(PeerId peer) const {
  std::vector<Shared> found;
  for (const FlowEnd& end : flow_ends_) {
    if (end.connection == nullptr || end.side != 0) continue;
    const auto& ends = end.connection->ends;
    if (ends[0].peer == peer || ends[1].peer == peer) found.push_back(end.connection);
  }
  return found;
}

void EmulatedCore::kill(PeerId peer) {
  peer_state(peer).accept = nullptr;
  if (!enter()) return;
  for (const Shared& connection : connections_of(peer)) {
    for (const std::size_t side : {0u, 1u}) {
      const End& end = connection->ends[side];
      if (end.peer != peer) continue;
      // A handshake that is still under way: it ends with a refusal, or is reset when it is over.
      if (end.life == Life::kNotYet && !model_->established(end.flow)) continue;
      destroyed(connection, side);
    }
  }
}

void EmulatedCore::silence(PeerId peer, Nanos until) {
  if (!enter() || until <= loop_->now()) return;
  Peer& state = peer_state(peer);
  trace_.add({loop_->now(), TraceKind::kIslandSilent, index_of(peer) - 1});
  state.silent_until = std::max(state.silent_until, until);
  if (!state.silent) {
    state.silent = true;
    for (const Shared& connection : connections_of(peer)) {
      model_->set_silent(connection->flows, true, loop_->now());
    }
  }
  if (until == kNever) return;
  loop_->at(until, [weak = weak_from_this(), peer] {
    if (const auto core = weak.lock()) core->end_silence(peer);
  });
}

void EmulatedCore::end_silence(PeerId peer) {
  if (!enter()) return;
  Peer& state = peer_state(peer);
  if (!state.silent || state.silent_until > loop_->now()) return;  // a longer one goes on
  state.silent = false;
  for (const Shared& connection : connections_of(peer)) {
    model_->set_silent(connection->flows, false, loop_->now());
  }
}

}  // namespace strait
