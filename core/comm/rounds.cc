#include "core/comm/rounds.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "core/comm/tags.h"

namespace strait {

namespace {

ExchangeId exchange_id(const RosterMessage& open) {
  return {.number = open.round, .epoch = open.epoch, .ledger_round = open.round};
}

}  // namespace

/// Held by the open request, by exchanges that run, and by slices of the contribution. When the
/// last one lets go, the request is decided and nobody uses its buffers: the island wakes.
struct Rounds::Lease {
  Lease(Loop& l, std::shared_ptr<Request> r) : loop(l), request(std::move(r)) {}
  ~Lease();

  Loop& loop;
  std::shared_ptr<Request> request;
};

struct Rounds::Request {
  Request(Clock& clock, RoundRequest r)
      : asked(std::move(r)), done(clock, fmt::format("round {}", asked.round)) {}

  RoundRequest asked;
  Completer<Outcome<RoundResult>> done;
  std::optional<Outcome<RoundResult>> outcome;  // once it is decided

  Stage stage = Stage::kWaiting;
  Nanos since{0};             // of this stage; once decided, of the decision
  RosterMessage open;         // the last attempt
  std::set<PeerId> partners;  // in any attempt: they may still read our buffers
  // Of that attempt:
  KeptMean mean;
  PeerId blamed{-1};  // why it is being given up
  std::optional<Failure> broken;
  std::optional<ReportMessage> report;  // what we have said
};

Rounds::Lease::~Lease() {
  if (!request->outcome) return;  // the island has died
  loop.post([r = std::move(request)] { r->done.complete(std::move(*r->outcome)); });
}

Rounds::Rounds(Clock& clock, Transport& transport, TransportCollective& collective,
               RoundsOptions options)
    : clock_(clock),
      transport_(transport),
      collective_(collective),
      options_(options),
      catch_up_(transport, {.keep = options.keep, .donor_timeout = options.peer_timeout}),
      alive_(std::make_shared<Rounds*>(this)) {
  transport_.serve(TagPlane::kCoordinator, [this](PeerId from, const Slice& message) {
    if (from == PeerId::kCoordinator) heard(message);
  });
  transport_.watch(*this);
  transport_.loop().post([alive = alive_] {
    if (*alive != nullptr) (*alive)->beat();
  });
}

Rounds::~Rounds() {
  *alive_ = nullptr;
  transport_.unwatch(*this);
  transport_.loop().cancel(heartbeat_);
}

// ---------------------------------------------------------------------------------------------
// The island's calls

Ticket<Outcome<RoundResult>> Rounds::start(const RoundRequest& request) {
  auto state = std::make_shared<Request>(clock_, request);
  auto ticket = state->done.ticket();
  clock_.post([this, state = std::move(state)] { begin(state); });
  return ticket;
}

Ticket<Outcome<CaughtUp>> Rounds::catch_up(std::uint32_t from) {
  const Completer<Outcome<CaughtUp>> done(clock_,
                                          fmt::format("what it missed after round {}", from));
  clock_.post([this, from, done] {
    const auto drive = [](Rounds& self, std::uint32_t round,
                          Completer<Outcome<CaughtUp>> completer) -> Async<Done> {
      Async<Outcome<CaughtUp>> running = self.catch_up_.run(round);
      Outcome<CaughtUp> outcome = co_await running;
      completer.complete(std::move(outcome));
      co_return Done{};
    };
    scope_.spawn(drive(*this, from, done));
  });
  return done.ticket();
}

void Rounds::sit_out(std::uint32_t round) {
  clock_.post([this, round] {
    given_up_ = round;
    say(SitOutMessage{round});
  });
}

void Rounds::leave() {
  clock_.post([this] { say(LeaveMessage{}); });
}

void Rounds::serve_state(std::function<SharedState()> copy) {
  clock_.post([this, copy = std::move(copy)]() mutable { catch_up_.serve(std::move(copy)); });
  clock_.settle();
}

void Rounds::updating() {
  clock_.post([this] { catch_up_.state_changes(); });
  clock_.settle();
}

void Rounds::updated(std::uint32_t round) {
  clock_.post([this, round] { have(round); });
}

void Rounds::retire(std::uint32_t round, SharedState state) {
  auto last = std::make_shared<const SharedState>(std::move(state));
  clock_.post([this, round, last = std::move(last)] {
    catch_up_.serve([last] { return *last; });
    have(round);
  });
  clock_.settle();
}

/// The shared state is that after `round`: nothing of an exchange up to that one is wanted.
void Rounds::have(std::uint32_t round) {
  collective_.forget_before({.number = round + 1});
  catch_up_.state_is(round);
}

// ---------------------------------------------------------------------------------------------
// One request

void Rounds::begin(std::shared_ptr<Request> request) {
  STRAIT_CHECK(request_ == nullptr, "round {} begins before the last one has ended",
               request->asked.round);
  request_ = std::move(request);
  lease_ = std::make_shared<Lease>(transport_.loop(), request_);
  request_->since = transport_.loop().now();
  given_up_ = 0;
  if (failed_) return end(*failed_);
  say_where_we_are();
}

/// Decides the request. The island wakes when nobody uses its buffers any more.
void Rounds::end(Outcome<RoundResult> outcome) {
  const auto request = std::exchange(request_, nullptr);
  // Also after a report: what could not be sent to somebody must not wait for him.
  if (request->stage != Stage::kWaiting) collective_.cancel(exchange_id(request->open));
  request->outcome.emplace(std::move(outcome));
  request->since = transport_.loop().now();
  read_ = lease_;
  lease_.reset();
}

void Rounds::miss(std::uint32_t committed) {
  const RoundRequest& asked = request_->asked;
  given_up_ = asked.round;
  end(RoundResult{.end = RoundEnd::kMissed,
                  .round = asked.round,
                  .epoch = 0,
                  .committed = committed,
                  .roster = {}});
}

void Rounds::enter(Stage stage) {
  request_->stage = stage;
  request_->since = transport_.loop().now();
}

Async<Done> Rounds::exchange(std::shared_ptr<Lease> lease, RosterMessage open) {
  const auto request = lease->request;
  const ExchangeId id = exchange_id(open);
  auto mean = std::make_shared<KeptMean>();
  mean->round = open.round;
  ExchangeParts parts{.id = id,
                      .in = request->asked.in,
                      .hold = lease,
                      .out = request->asked.out,
                      .roster = open.roster,
                      .keep = [mean](Range range, const Codec& codec, const Slice& bytes) {
                        mean->pieces.push_back({range.begin, range.end, &codec, bytes});
                      }};
  Async<Outcome<Done>> running = collective_.exchange(std::move(parts));
  const Outcome<Done> exchanged = co_await running;
  const bool current = request == request_ && request->stage == Stage::kExchanging &&
                       request->open.epoch == open.epoch;
  if (!current) co_return Done{};  // decided or aborted meanwhile
  if (exchanged.ok()) {
    request->mean = std::move(*mean);
    enter(Stage::kReported);
    report({.round = open.round, .epoch = open.epoch, .completed = true});
  } else {
    const Failure& why = request->broken ? *request->broken : exchanged.failure();
    enter(Stage::kWaiting);
    report({.round = open.round,
            .epoch = open.epoch,
            .kind = why.kind,
            .blamed = request->blamed,
            .why = why.what});
  }
  co_return Done{};
}

/// The attempt cannot succeed here; the exchange ends soon and reports it.
void Rounds::break_off(PeerId blamed, Failure why) {
  if (request_->broken) return;
  request_->blamed = blamed;
  request_->broken = std::move(why);
  collective_.cancel(exchange_id(request_->open));
}

// ---------------------------------------------------------------------------------------------
// What the coordinator says

void Rounds::heard(const Slice& bytes) {
  Outcome<CoordinatorMessage> message = unpack_coordinator(bytes);
  if (!message.ok()) return on(FailedMessage{FailureKind::kMismatch, message.failure().what});
  std::visit([&](const auto& m) { on(m); }, message.value());
}

void Rounds::on(const RosterMessage& open) {
  const bool expected = request_ != nullptr && request_->asked.round == open.round;
  if (!expected) {
    // We had been ready, but have gone on without it, and want none of what the others send.
    collective_.cancel(exchange_id(open));
    return report({.round = open.round,
                   .epoch = open.epoch,
                   .gave_up = true,
                   .kind = FailureKind::kCancelled,
                   .why = "it has gone on without this round"});
  }
  Request& request = *request_;
  if (request.open.round == open.round && request.open.epoch >= open.epoch) {
    // Said again, since the coordinator cannot know what we have heard and it what we have said.
    if (request.open.epoch == open.epoch && request.report) say(*request.report);
    return;
  }
  if (request.stage == Stage::kExchanging) collective_.cancel(exchange_id(request.open));
  collective_.forget_before(exchange_id(open));
  leave_behind(open.roster);
  request.open = open;
  for (const auto& member : open.roster.members) request.partners.insert(peer_of(member.island));
  request.partners.erase(transport_.self());
  request.blamed = PeerId{-1};
  request.broken.reset();
  request.report.reset();
  enter(Stage::kExchanging);
  const IslandId self = island_of(transport_.self());
  if (!open.roster.contains(self) ||
      (open.roster.weight_of(self) > 0 && request.asked.weight == 0)) {
    enter(Stage::kWaiting);
    return report({.round = open.round,
                   .epoch = open.epoch,
                   .kind = FailureKind::kCancelled,
                   .why = "its contribution is another one by now"});
  }
  // What is left of the last attempt must not write to `out` any more.
  attempt_.emplace();
  attempt_->spawn(exchange(lease_, open));
}

void Rounds::on(const VerdictMessage& verdict) {
  const bool ours = request_ != nullptr && request_->asked.round == verdict.round;
  if (!ours) return;
  Request& request = *request_;
  const bool same = request.open.round == verdict.round && request.open.epoch == verdict.epoch;
  if (verdict.commit) {
    // Of another attempt than the one we hold: it was made without us.
    if (!same || request.stage != Stage::kReported) return miss(verdict.round);
    request.mean.sort();
    catch_up_.keep(std::move(request.mean));
    return end(RoundResult{.end = RoundEnd::kCommitted,
                           .round = verdict.round,
                           .epoch = verdict.epoch,
                           .committed = verdict.round,
                           .roster = request.open.roster});
  }
  if (!same || request.stage == Stage::kWaiting) return;
  collective_.cancel(exchange_id(request.open));
  enter(Stage::kWaiting);  // the contribution stands for the next attempt
}

void Rounds::on(const MissedMessage& message) {
  if (request_ != nullptr && request_->asked.round == message.round) miss(message.committed);
}

void Rounds::on(const HereMessage& message) { catch_up_.on_here(message); }

void Rounds::on(const FailedMessage& message) {
  // kAborted whatever the reason: nobody goes on.
  failed_ = Failure{FailureKind::kAborted, message.why};
  catch_up_.fail(*failed_);
  if (request_ != nullptr) end(*failed_);
}

// ---------------------------------------------------------------------------------------------
// What we say

void Rounds::say(const MemberMessage& message) {
  std::ignore = transport_.send({.to = PeerId::kCoordinator,
                                 .tag = make_tag({.plane = TagPlane::kMember}),
                                 .cause = Cause::kControl,
                                 .round = request_ == nullptr ? 0 : request_->asked.round},
                                pack(message));
}

void Rounds::report(const ReportMessage& message) {
  if (request_ != nullptr && !message.gave_up) request_->report = message;
  say(message);
}

void Rounds::say_where_we_are() {
  if (request_ == nullptr) {
    if (given_up_ != 0) say(SitOutMessage{given_up_});
    return;
  }
  const Request& request = *request_;
  say(ReadyMessage{request.asked.round, request.asked.weight, request.asked.shared_hash});
  if (request.report) say(*request.report);
}

void Rounds::session_opened(PeerId peer) {
  if (peer == PeerId::kCoordinator) say_where_we_are();
}

void Rounds::session_lost(PeerId peer, const Failure& failure) {
  if (peer == PeerId::kCoordinator) return;
  if (failure.kind == FailureKind::kRefused) say(SuspectMessage{peer, /*refused=*/true});
  if (request_ == nullptr || request_->stage != Stage::kExchanging) return;
  if (request_->open.roster.contains(island_of(peer))) break_off(peer, failure);
}

/// Every second: a sign of life, and a look whether anybody has stopped giving one.
void Rounds::beat() {
  heartbeat_ = transport_.loop().at(transport_.loop().now() + options_.heartbeat, [alive = alive_] {
    if (*alive != nullptr) (*alive)->beat();
  });
  if (transport_.connected(PeerId::kCoordinator)) say(HeartbeatMessage{});
  if (const auto asks = catch_up_.asks_since()) dial_anew_if_silent(*asks);
  if (request_ == nullptr) return watch_readers();
  if (request_->stage == Stage::kExchanging) return watch_members();
  watch_coordinator();
}

/// The coordinator owes us an answer. A connection whose packets were lost again and again waits
/// longer each time, for minutes in the end: another one begins anew.
void Rounds::dial_anew_if_silent(Nanos since) {
  const Nanos heard = std::max(since, transport_.heard(PeerId::kCoordinator));
  if (transport_.loop().now() - heard <= options_.miss_after) return;
  if (!transport_.connected(PeerId::kCoordinator)) return;
  transport_.drop(PeerId::kCoordinator, {FailureKind::kTimeout, "the coordinator does not answer"});
}

/// May end the request.
void Rounds::watch_coordinator() {
  const Nanos heard = std::max(request_->since, transport_.heard(PeerId::kCoordinator));
  if (transport_.loop().now() - heard <= options_.miss_after) return;
  dial_anew_if_silent(request_->since);
  if (request_->stage == Stage::kWaiting) return miss(request_->asked.round - 1);
  say_where_we_are();  // it may have given us up, and know nothing of our report
}

void Rounds::watch_members() {
  const Nanos now = transport_.loop().now();
  const Nanos waited = now - request_->since;
  const bool pings = now - pinged_ >= options_.peer_timeout / 3;
  if (waited < std::min(options_.connect_timeout, options_.peer_timeout / 3)) return;
  if (pings) pinged_ = now;
  for (const auto& member : request_->open.roster.members) {
    const PeerId peer = peer_of(member.island);
    if (peer == transport_.self()) continue;
    if (!transport_.connected(peer)) {
      if (waited < options_.connect_timeout) continue;
      return break_off(
          peer, {FailureKind::kTimeout, fmt::format("peer {} cannot be reached", index_of(peer))});
    }
    if (pings) transport_.ping(peer, Plane::kData);
    const Nanos slow = patience(peer, request_->since);
    Silence& silence = silences_[peer];
    const Nanos heard = silence.heard;
    if (now - heard > std::max(options_.peer_timeout / 2, slow) && !silence.told) {
      silence.told = true;
      say(SuspectMessage{peer});
    }
    if (now - heard <= std::max(options_.peer_timeout, slow)) continue;
    const Failure why{FailureKind::kTimeout, fmt::format("peer {} has sent nothing for {:.0f} s",
                                                         index_of(peer), seconds(now - heard))};
    break_off(peer, why);
    return transport_.drop(peer, why);
  }
}

/// Takes note of how long the peer is silent. What is slow by nature has more time: deadlines
/// follow what was seen.
Nanos Rounds::patience(PeerId peer, Nanos since) {
  Silence& silence = silences_[peer];
  const Nanos heard = std::max(transport_.heard(peer), since);
  if (heard != silence.heard) {
    silence.longest = std::max(silence.longest, transport_.heard(peer) - silence.heard);
    silence.heard = heard;
    silence.told = false;
  }
  return 4 * std::min(silence.longest, options_.peer_timeout);
}

/// The last attempt had members that this one has not. Who is silent as well is gone: what is on
/// the way to it would keep our buffers until it speaks again.
void Rounds::leave_behind(const Roster& now) {
  const Nanos silent_since = transport_.loop().now() - options_.peer_timeout / 2;
  for (const PeerId peer : request_->partners) {
    if (now.contains(island_of(peer)) || transport_.heard(peer) > silent_since) continue;
    transport_.drop(peer, {FailureKind::kTimeout, "it is silent and no longer in the round"});
  }
}

/// The request is decided, but the island still waits for its buffers: somebody reads them, or
/// would if it were there.
void Rounds::watch_readers() {
  const auto lease = read_.lock();
  if (lease == nullptr) return;
  const Nanos now = transport_.loop().now(), decided = lease->request->since;
  if (now - decided < options_.peer_timeout / 3) return;
  const bool pings = now - pinged_ >= options_.peer_timeout / 3;
  if (pings) pinged_ = now;
  for (const PeerId peer : lease->request->partners) {
    if (!transport_.connected(peer)) continue;
    if (pings) transport_.ping(peer, Plane::kData);
    const Nanos slow = patience(peer, decided);
    const Nanos silent = now - silences_[peer].heard;
    if (silent <= std::max(options_.peer_timeout, slow)) continue;
    transport_.drop(peer, {FailureKind::kTimeout,
                           fmt::format("it has sent nothing for {:.0f} s", seconds(silent))});
  }
}

}  // namespace strait
