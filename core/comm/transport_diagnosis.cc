// Peers that wait in different operations: found after a while, and told by name.
#include <fmt/format.h>

#include <algorithm>

#include "core/comm/transport.h"
#include "core/comm/transport_state.h"

namespace strait {

std::string describe(Tag tag) {
  const auto plane = static_cast<TagPlane>(tag >> 60);
  const std::uint64_t fragment = group_of(tag) & 0x3f, round = (tag >> 30) & 0xffffff;
  switch (plane) {
    case TagPlane::kContribution:
    case TagPlane::kResult: return fmt::format("exchange {} of fragment {}", round, fragment);
    case TagPlane::kStart: return "the hand-out after pretraining";
    case TagPlane::kCatchUp: return "catching up";
    default: return fmt::format("something else (tag {:016x})", tag);
  }
}

void Transport::look_later() {
  if (looks_later_) return;
  looks_later_ = true;
  loop_.at(loop_.now() + options_.wonder_after, [alive = alive_] {
    if (*alive != nullptr) (*alive)->look();
  });
}

/// Asks each peer once about each exchange in which it keeps us waiting.
void Transport::look() {
  looks_later_ = false;
  bool waits = false;
  for (const auto& p : peers_) {
    if (p == nullptr) continue;
    std::vector<std::uint64_t> asked;
    std::vector<Tag> tags;
    for (const auto& [tag, inbox] : p->inboxes) {
      if (is_control(tag) || inbox.asked.empty()) continue;
      waits = true;
      const bool long_ago = loop_.now() - inbox.asked.front().since >= options_.wonder_after;
      if (long_ago && inbox.messages.empty()) tags.push_back(tag);
    }
    if (!p->stands) continue;
    std::sort(tags.begin(), tags.end());  // the inboxes are in no order
    for (const Tag tag : tags) {
      if (!asked.empty() && asked.back() == exchange_of(tag)) continue;
      asked.push_back(exchange_of(tag));
      signal(*p, {.kind = FrameKind::kWaiting, .tag = tag});
    }
  }
  if (waits) look_later();
}

/// Answers only if we are not in that exchange, have not been, and wait for this very peer in
/// another one, and not in one that comes before it: who is only behind will get there.
void Transport::say_where_we_are(Peer& p, Tag asked_for) {
  const auto in_it = [&](Tag tag) { return exchange_of(tag) == exchange_of(asked_for); };
  if (std::find(p.begun.begin(), p.begun.end(), exchange_of(asked_for)) != p.begun.end()) return;
  std::optional<Tag> here;
  for (const auto& other : peers_) {
    if (other == nullptr) continue;
    for (const auto& [tag, inbox] : other->inboxes) {
      if (is_control(tag) || inbox.asked.empty()) continue;
      const bool behind = exchange_of(tag) >> 40 == exchange_of(asked_for) >> 40 &&
                          exchange_of(tag) < exchange_of(asked_for);
      if (in_it(tag) || behind) return;
      const bool long_ago = loop_.now() - inbox.asked.front().since >= options_.wonder_after;
      if (other->id == p.id && long_ago && (!here || tag < *here)) here = tag;
    }
  }
  if (here) signal(p, {.kind = FrameKind::kElsewhere, .tag = asked_for, .sequence = *here});
}

void Transport::crossed(Peer& p, Tag ours, Tag theirs) {
  const Failure failure{
      FailureKind::kMismatch,
      fmt::format("peer {} waits in {}, peer {} in {}: they wait for each other",
                  index_of(options_.self), describe(ours), index_of(p.id), describe(theirs))};
  for (auto& [tag, inbox] : p.inboxes) {
    if (exchange_of(tag) != exchange_of(ours)) continue;
    for (const auto& receive : std::exchange(inbox.asked, {})) receive.promise.complete(failure);
  }
}

}  // namespace strait
