#include "core/comm/coordinator.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace strait {

namespace {

/// How often we look who is silent, and whether a window has passed.
constexpr Nanos kTick{1'000'000'000};

}  // namespace

Coordinator::Coordinator(Transport& transport, Storage& storage, Ledger& ledger, Trace& trace,
                         CoordinatorOptions options)
    : transport_(transport),
      ledger_(ledger),
      trace_(trace),
      options_(std::move(options)),
      journal_(storage, options_.journal),
      members_(options_.islands),
      committed_(journal_.committed()),
      began_(transport.loop().now()),
      alive_(std::make_shared<Coordinator*>(this)) {
  if (options_.first_round == 0) options_.first_round = options_.islands;
  // Whatever was under way belongs to epochs that are over. Ours is known to the disk before any
  // island hears of it: after a crash it must not be used for another roster.
  epoch_ = journal_.next_epoch();
  retry_at_ = transport_.loop().now() + journal_.start(epoch_);
  if (const auto* last = journal_.commit_of(committed_)) {
    // They are waited for as if they had just been lost.
    for (const IslandId i : last->members) {
      if (!members_.has(i)) continue;
      members_[i].seen = members_[i].live = true;
      members_[i].has = committed_;
      members_[i].lost_at = transport_.loop().now();
    }
    options_.first_round = 1;
    for (IslandId i = 0; i < members_.count(); ++i) members_[i].came_back = true;  // maybe
  }
  transport_.serve(TagPlane::kMember,
                   [this](PeerId from, const Slice& message) { heard(from, message); });
  transport_.watch(*this);
  try_at(retry_at_);
  tick_in(kTick);
}

Coordinator::~Coordinator() {
  *alive_ = nullptr;
  transport_.unwatch(*this);
}

// ---------------------------------------------------------------------------------------------
// Who is there

void Coordinator::session_opened(PeerId peer) {
  const IslandId i = island_of(peer);
  if (!members_.has(i)) return;
  const std::uint64_t life = transport_.incarnation(peer);
  if (members_[i].live && members_[i].life != 0 && members_[i].life != life) {
    expel(i, "it has started anew");
  }
  const bool anew = members_[i].life != 0 && members_[i].life != life;
  members_[i].life = life;
  members_[i].connected = true;
  if (anew) {
    members_[i].has = 0;
    members_[i].left = false;
  }
  if (failed_) say(i, FailedMessage{failed_->kind, failed_->what});
}

void Coordinator::session_lost(PeerId peer, const Failure& failure) {
  const IslandId i = island_of(peer);
  if (!members_.has(i)) return;
  // Without it the run cannot begin; later, whoever does not fit just stays outside.
  if (failure.kind == FailureKind::kMismatch && committed_ == 0) return fail(failure);
  if (failure.kind == FailureKind::kRefused) {
    if (members_[i].live && !members_[i].connected) expel(i, "nobody listens there");
    return;
  }
  if (members_[i].connected) {
    members_[i].lost_at = transport_.loop().now();
    // Nobody might dial it: all have lower numbers.
    transport_.knock(peer);
  }
  members_[i].connected = false;
}

void Coordinator::heard(PeerId from, const Slice& bytes) {
  const IslandId island = island_of(from);
  Outcome<MemberMessage> message = unpack_member(bytes);
  if (!message.ok()) {
    return fail({FailureKind::kMismatch,
                 fmt::format("island {} sends {}", island, message.failure().what)});
  }
  // A message may overtake the news of its session.
  if (!members_[island].connected) session_opened(from);
  members_[island].suspect = false;
  std::visit([&](const auto& m) { on(island, m); }, message.value());
}

void Coordinator::be_live(IslandId island) {
  members_[island].seen = true;
  members_[island].live = true;
  members_[island].catching_up = false;
}

void Coordinator::expel(IslandId island, const std::string& why) {
  trace_.add({transport_.loop().now(), TraceKind::kExpelled, island});
  members_.retire(island);
  if (attempt_ && !attempt_->committing && attempt_->roster.contains(island)) {
    const auto& list = attempt_->roster.members;
    const auto place =
        std::find_if(list.begin(), list.end(), [&](const auto& m) { return m.island == island; });
    // What it has reported stands: everybody who completes has its contribution.
    if (!attempt_->reported[static_cast<std::size_t>(place - list.begin())]) {
      abort(fmt::format("island {} is gone: {}", island, why), Nanos{0});
    }
  }
  try_to_close();
}

void Coordinator::leave_out(IslandId island) {
  members_[island].left_out = true;
  members_[island].ready.reset();
  trace_.add({transport_.loop().now(), TraceKind::kMissed, island, round()});
  say(island, MissedMessage{round(), committed_});
}

void Coordinator::check_that_state_is_left() {
  if (committed_ == 0) return;
  // Who was told of a donor may have caught up, and who has said nothing yet may have it, too.
  const bool all_have_spoken = transport_.loop().now() - began_ > options_.peer_timeout;
  for (IslandId i = 0; i < members_.count(); ++i) {
    const Member& m = members_[i];
    if (m.has >= committed_ || (m.seen ? !m.lacks : !all_have_spoken)) return;
  }
  fail({FailureKind::kAborted,
        fmt::format("the state after round {} is lost: every island that had it has started anew",
                    committed_)});
}

void Coordinator::tick() {
  const Nanos now = transport_.loop().now();
  Nanos next = kTick;
  for (IslandId i = 0; i < members_.count(); ++i) {
    Member& m = members_[i];
    if (!m.live) continue;
    const Nanos silent =
        now - std::max(transport_.heard(peer_of(i)), m.connected ? Nanos{0} : m.lost_at);
    if (silent >= options_.suspect_after && !m.suspect) {
      m.suspect = true;
      trace_.add({now, TraceKind::kSuspect, i});
    }
    if (!m.suspect) next = std::min(next, options_.suspect_after - silent);
    if (silent > options_.peer_timeout) {
      expel(i, fmt::format("silent for {} s", seconds(silent)));
    } else if (!m.connected && now - m.lost_at > options_.peer_timeout / 3) {
      expel(i, "its connection was lost and did not come back");
    }
  }
  try_to_close();
  tick_in(next);
}

void Coordinator::tick_in(Nanos delay) {
  transport_.loop().at(transport_.loop().now() + delay, [alive = alive_] {
    if (*alive != nullptr) (*alive)->tick();
  });
}

// ---------------------------------------------------------------------------------------------
// What islands say

void Coordinator::on(IslandId island, const HeartbeatMessage&) {
  // Who is there before the first round takes part in it.
  const Member& m = members_[island];
  if (committed_ == 0 && !m.catching_up && !m.left) be_live(island);
  // Who waits for us has to know that we are there.
  if (members_[island].ready) transport_.ping(peer_of(island), Plane::kControl);
}

void Coordinator::on(IslandId island, const ReadyMessage& message) {
  if (failed_) return;
  if (message.round > round()) {
    return fail(
        {FailureKind::kMismatch,
         fmt::format("island {} is at round {}, the run at round {}; is the journal {} that "
                     "of this run?",
                     island, message.round, round(), options_.journal)});
  }
  be_live(island);
  Member& m = members_[island];
  m.has = std::max(m.has, message.round - 1);  // more, if it has not heard of its commit
  m.sits_out = 0;
  if (message.round < round()) return answer_late(island, message.round);
  // It has not heard, or its words have been under way for long.
  if (m.turned_away) return say(island, MissedMessage{round(), committed_});
  m.left_out = false;
  if (!attempt_) {
    m.ready = message;
    return try_to_close();
  }
  if (attempt_->roster.contains(island)) {
    // It was connected anew, and may not have heard.
    return say(island, RosterMessage{round(), epoch_, attempt_->roster});
  }
  trace_.add({transport_.loop().now(), TraceKind::kMissed, island, round()});
  say(island, MissedMessage{round(), committed_});
}

/// It asks about a round that is closed.
void Coordinator::answer_late(IslandId island, std::uint32_t late) {
  const auto* commit = journal_.commit_of(late);
  if (commit != nullptr && commit->has(island)) {
    say(island, VerdictMessage{late, commit->epoch, /*commit=*/true, {}});
  } else {
    say(island, MissedMessage{late, committed_});
  }
}

void Coordinator::on(IslandId island, const ReportMessage& message) {
  if (failed_) return;
  if (message.round < round()) return answer_late(island, message.round);
  if (message.gave_up) {
    members_[island].ready.reset();
    members_[island].sits_out = message.round;
  }
  const bool current = attempt_ && !attempt_->committing && message.round == round() &&
                       message.epoch == epoch_ && attempt_->roster.contains(island);
  if (!current) return;
  if (!message.completed) {
    if (message.kind == FailureKind::kMismatch) {
      return fail({FailureKind::kMismatch, fmt::format("island {} could not complete round {}: {}",
                                                       island, message.round, message.why)});
    }
    const IslandId blamed = island_of(message.blamed);
    if (members_.has(blamed)) ++members_[blamed].blamed;
    const int doublings = std::min(attempts_, 4);
    return abort(fmt::format("island {}: {}", island, message.why),
                 options_.retry_after * (1 << doublings));
  }
  auto& list = attempt_->roster.members;
  for (std::size_t place = 0; place < list.size(); ++place) {
    if (list[place].island == island) attempt_->reported[place] = true;
  }
  const auto& reported = attempt_->reported;
  if (std::find(reported.begin(), reported.end(), false) == reported.end()) commit();
}

void Coordinator::on(IslandId island, const SitOutMessage& message) {
  be_live(island);
  members_[island].has = message.round - 1;
  members_[island].sits_out = message.round;
  members_[island].ready.reset();
  try_to_close();
}

void Coordinator::on(IslandId island, const WhereMessage& message) {
  Member& m = members_[island];
  m.catching_up = m.came_back = true;
  m.turned_away = false;
  m.has = message.round;  // less than the journal says, if it has started anew meanwhile
  if (options_.lockstep) m.seen = m.live = true;
  // But not for an attempt that waits for this very island, which may have lost sight of it.
  m.asks = options_.lockstep && attempt_ && !attempt_->roster.contains(island);
  if (!m.asks) answer_where(island);
  try_to_close();
}

void Coordinator::answer_where(IslandId island) {
  Member& m = members_[island];
  m.asks = false;
  auto donors = members_.holders(committed_, island);
  m.lacks = donors.empty() && m.has < committed_;
  if (m.lacks) check_that_state_is_left();
  say(island, HereMessage{committed_, std::move(donors)});
}

/// An attempt is over.
void Coordinator::answer_deferred() {
  for (IslandId i = 0; i < members_.count(); ++i) {
    if (members_[i].asks) answer_where(i);
  }
}

void Coordinator::on(IslandId island, const LeaveMessage&) {
  trace_.add({transport_.loop().now(), TraceKind::kIslandLeft, island});
  members_[island].seen = members_[island].left = true;  // or round 1 would wait for it
  expel(island, "it has left");
}

void Coordinator::on(IslandId, const SuspectMessage& message) {
  const IslandId about = island_of(message.peer);
  if (!members_.has(about) || !members_[about].live) return;
  if (message.refused && !members_[about].connected) return expel(about, "nobody listens there");
  if (members_[about].suspect) return;
  members_[about].suspect = true;
  trace_.add({transport_.loop().now(), TraceKind::kSuspect, about});
}

// ---------------------------------------------------------------------------------------------
// Rounds

void Coordinator::try_to_close() {
  if (attempt_ || failed_) return;
  const auto ready = members_.ready();
  if (ready.empty() || !closes_now(ready)) return;
  if (all_receive(ready)) return turn_away(ready);
  if (const auto why = why_not(ready)) return fail(*why);
  open(ready);
}

bool Coordinator::closes_now(const std::vector<IslandId>& ready) {
  const Nanos now = transport_.loop().now();
  const auto count = static_cast<int>(ready.size());
  const int quorum = std::max(1, options_.quorum);
  if (count < quorum || (round() == 1 && members_.seen() < options_.first_round)) {
    quorum_since_.reset();
    return false;
  }
  if (!quorum_since_) quorum_since_ = now;
  if (now < retry_at_) return false;
  // Those who only receive cannot form a round while somebody may still bring something.
  const bool gives = std::any_of(ready.begin(), ready.end(),
                                 [&](IslandId i) { return members_[i].ready->weight > 0; });
  bool sits_out = false;
  for (IslandId i = 0; i < members_.count(); ++i) {
    const bool outside = members_[i].sits_out == round() || members_[i].left_out;
    sits_out = sits_out || (members_[i].live && outside);
  }
  const bool all = !members_.somebody_is_awaited(round(), /*patient=*/true);
  if (all) return gives || !sits_out;
  if (!gives || options_.lockstep) return false;
  if (options_.quorum > 0) return now >= *quorum_since_ + options_.grace;
  if (members_.somebody_is_awaited(round(), /*patient=*/false)) {
    others_since_.reset();
    return false;
  }
  if (!others_since_) others_since_ = now;
  return now >= *others_since_ + options_.grace;
}

bool Coordinator::all_receive(const std::vector<IslandId>& ready) const {
  const bool gives = std::any_of(ready.begin(), ready.end(),
                                 [&](IslandId i) { return members_[i].ready->weight > 0; });
  const bool came_back =
      std::any_of(ready.begin(), ready.end(), [&](IslandId i) { return members_[i].came_back; });
  return !gives && came_back && !turned_away_;
}

/// Those who could give are gone. Who comes back to the same round once more has missed nothing,
/// and contributes; if that is not finite either, the run has diverged.
void Coordinator::turn_away(const std::vector<IslandId>& ready) {
  turned_away_ = true;
  for (const IslandId i : ready) {
    members_[i].turned_away = true;
    leave_out(i);
  }
}

/// Why no later attempt could succeed either.
std::optional<Failure> Coordinator::why_not(const std::vector<IslandId>& ready) const {
  bool gives = false;
  for (const IslandId i : ready) {
    gives = gives || members_[i].ready->weight > 0;
    if (members_[i].ready->shared_hash == members_[ready[0]].ready->shared_hash) continue;
    return Failure{FailureKind::kMismatch,
                   fmt::format("islands {} and {} have different shared parameters before round {}",
                               ready[0], i, round())};
  }
  if (gives) return std::nullopt;
  return Failure{FailureKind::kAborted,
                 "no island has a finite outer gradient: training diverged; lower inner.lr or "
                 "outer.lr"};
}

void Coordinator::open(const std::vector<IslandId>& ready) {
  attempt_.emplace(Attempt{.roster = normalise(members_, ready),
                           .reported = std::vector<bool>(ready.size()),
                           .lives = {},
                           .shared_hash = members_[ready[0]].ready->shared_hash});
  for (const IslandId i : ready) {
    attempt_->lives.push_back(members_[i].life);
    say(i, RosterMessage{round(), epoch_, attempt_->roster});
  }
}

void Coordinator::commit() {
  attempt_->committing = true;
  Journal::Commit commit{.epoch = epoch_};
  for (const auto& member : attempt_->roster.members) commit.members.push_back(member.island);
  // Durable before anybody hears of it. A disk that refuses ends the run.
  const Nanos durable_in = journal_.commit(std::move(commit), attempt_->shared_hash);
  if (durable_in == Nanos{0}) return tell_commit();
  transport_.loop().at(transport_.loop().now() + durable_in, [alive = alive_] {
    if (*alive != nullptr) (*alive)->tell_commit();
  });
}

void Coordinator::tell_commit() {
  const std::uint32_t done = ++committed_;
  const Journal::Commit& commit = *journal_.commit_of(done);
  trace_.add({transport_.loop().now(), TraceKind::kRound, done, commit.epoch, 1});
  const Attempt over = std::move(*attempt_);
  attempt_.reset();
  attempts_ = 0;
  turned_away_ = false;
  retry_at_ = Nanos{0};
  quorum_since_.reset();
  others_since_.reset();
  // Who was ready but not among them has missed it.
  for (IslandId i = 0; i < members_.count(); ++i) {
    if (members_[i].ready && !commit.has(i)) {
      trace_.add({transport_.loop().now(), TraceKind::kMissed, i, done});
      say(i, MissedMessage{done, done});
    }
  }
  members_.next_round();
  for (std::size_t place = 0; place < commit.members.size(); ++place) {
    const IslandId i = commit.members[place];
    if (members_[i].life == over.lives[place]) {
      members_[i].has = done;
      members_[i].came_back = false;
    }
    say(i, VerdictMessage{done, commit.epoch, /*commit=*/true, {}});
  }
  answer_deferred();
  try_to_close();
}

void Coordinator::abort(const std::string& why, Nanos retry_in) {
  ++attempts_;
  const Attempt over = std::move(*attempt_);
  attempt_.reset();
  ledger_.abort({round(), epoch_});
  trace_.add({transport_.loop().now(), TraceKind::kRound, round(), epoch_, 0});
  const std::uint32_t aborted = epoch_;
  const Nanos durable_in = journal_.abort(round(), aborted);
  epoch_ = aborted + 1;
  retry_at_ = transport_.loop().now() + std::max(retry_in, durable_in);
  for (const auto& member : over.roster.members) {
    say(member.island, VerdictMessage{round(), aborted, /*commit=*/false, why});
  }
  answer_deferred();
  if (attempts_ >= options_.patience && over.roster.members.size() > 1) {
    if (const auto worst = members_.most_blamed(over.roster)) leave_out(*worst);
  }
  if (retry_at_ > transport_.loop().now()) try_at(retry_at_);  // else the caller tries
}

void Coordinator::try_at(Nanos time) {
  transport_.loop().at(time, [alive = alive_] {
    if (*alive != nullptr) (*alive)->try_to_close();
  });
}

void Coordinator::fail(const Failure& why) {
  if (failed_) return;
  failed_ = why;
  if (attempt_ && !attempt_->committing) {
    ledger_.abort({round(), epoch_});
    trace_.add({transport_.loop().now(), TraceKind::kRound, round(), epoch_, 0});
  }
  for (IslandId i = 0; i < members_.count(); ++i) {
    if (members_[i].connected) say(i, FailedMessage{why.kind, why.what});
  }
}

void Coordinator::say(IslandId island, const CoordinatorMessage& message) {
  std::ignore = transport_.send({.to = peer_of(island),
                                 .tag = make_tag({.plane = TagPlane::kCoordinator}),
                                 .cause = Cause::kControl,
                                 .round = round()},
                                pack(message));
}

}  // namespace strait
