#include "core/comm/rounds.h"

#include <fmt/format.h>

#include <tuple>

#include "core/comm/tags.h"

namespace strait {

namespace {

Transport::Outgoing to_coordinator(TagPlane plane, std::uint32_t round) {
  return {.to = PeerId::kCoordinator,
          .tag = make_tag({.plane = plane}),
          .cause = Cause::kControl,
          .round = round};
}

Pending<Outcome<Slice>> from_coordinator(Transport& transport, TagPlane plane) {
  return transport.receive(PeerId::kCoordinator, make_tag({.plane = plane}), kAnyLength);
}

Outcome<Done> read_verdict(const Slice& bytes, const ExchangeId& id) {
  Outcome<VerdictMessage> read = unpack_verdict(bytes);
  if (!read.ok()) return read.failure();
  const VerdictMessage& verdict = read.value();
  if (verdict.round != id.number || verdict.epoch != id.epoch) {
    return Failure{FailureKind::kMismatch,
                   fmt::format("a verdict on round {}.{} in round {}.{}", verdict.round,
                               verdict.epoch, id.number, id.epoch)};
  }
  if (!verdict.commit) return Failure{FailureKind::kAborted, verdict.why};
  return Done{};
}

}  // namespace

Ticket<Outcome<RoundResult>> Rounds::start(const RoundRequest& request) {
  const Completer<Outcome<RoundResult>> done(clock_, fmt::format("round {}", request.round));
  clock_.post([this, request, done] {
    STRAIT_CHECK(scope_.idle(), "round {} begins before the last one has ended", request.round);
    const auto drive = [](Rounds& self, RoundRequest r,
                          Completer<Outcome<RoundResult>> completer) -> Async<Done> {
      Async<Outcome<RoundResult>> running = self.run(r);
      Outcome<RoundResult> outcome = co_await running;
      completer.complete(std::move(outcome));
      co_return Done{};
    };
    scope_.spawn(drive(*this, request, done));
  });
  return done.ticket();
}

Async<Outcome<RoundResult>> Rounds::run(RoundRequest request) {
  Pending<Outcome<Slice>> roster_bytes = from_coordinator(transport_, TagPlane::kRoster);
  std::ignore =
      transport_.send(to_coordinator(TagPlane::kReady, request.round),
                      pack(ReadyMessage{request.round, request.weight, request.shared_hash}));
  Outcome<Slice> arrived = co_await roster_bytes;
  if (!arrived.ok()) co_return arrived.failure();
  Outcome<RosterMessage> roster = unpack_roster(arrived.value());
  if (!roster.ok()) co_return roster.failure();
  const RosterMessage& open = roster.value();
  const ExchangeId id{.number = open.round, .epoch = open.epoch, .ledger_round = open.round};

  const Promise<Outcome<Done>> heard(transport_.loop());
  Pending<Outcome<Done>> verdict = heard.pending();
  Scope listening;
  listening.spawn(hear_verdict(id, heard));
  // An empty roster: the round could not be opened, and the verdict says why.
  if (!open.roster.members.empty()) {
    if (open.round != request.round || !open.roster.contains(island_of(transport_.self()))) {
      co_return Failure{FailureKind::kMismatch,
                        fmt::format("the coordinator opens round {} with {} members, and not round "
                                    "{} with this island",
                                    open.round, open.roster.members.size(), request.round)};
    }
    Async<Outcome<Done>> exchanging =
        collective_.exchange(id, request.in, request.out, open.roster);
    const Outcome<Done> exchanged = co_await exchanging;
    if (!heard.completed()) {
      std::ignore = transport_.send(
          to_coordinator(TagPlane::kReport, request.round),
          pack(ReportMessage{open.round, open.epoch, exchanged.ok(),
                             exchanged.ok() ? std::string() : exchanged.failure().what}));
    }
  }
  Outcome<Done> decided = co_await verdict;
  if (!decided.ok()) co_return decided.failure();
  co_return RoundResult{open.round, open.epoch, open.roster};
}

/// Listens while the exchange runs, since an abort may come when somebody else cannot complete it.
Async<Done> Rounds::hear_verdict(ExchangeId id, Promise<Outcome<Done>> heard) {
  Pending<Outcome<Slice>> arriving = from_coordinator(transport_, TagPlane::kVerdict);
  Outcome<Slice> bytes = co_await arriving;
  const Outcome<Done> outcome = bytes.ok() ? read_verdict(bytes.value(), id) : bytes.failure();
  if (!outcome.ok()) collective_.cancel(id);
  heard.complete(outcome);
  co_return Done{};
}

}  // namespace strait
