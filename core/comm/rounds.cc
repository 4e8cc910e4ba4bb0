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

}  // namespace

Ticket<Outcome<RoundResult>> Rounds::start(const RoundRequest& request) {
  const Completer<Outcome<RoundResult>> done(clock_, fmt::format("round {}", request.round));
  clock_.post([this, request, done] {
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
  if (open.round != request.round) {
    co_return Failure{FailureKind::kAborted, fmt::format("the coordinator is at round {}, not {}",
                                                         open.round, request.round)};
  }
  if (open.roster.members.empty()) {
    // The coordinator could not open the round: its verdict says why.
    Pending<Outcome<Slice>> verdict_bytes = from_coordinator(transport_, TagPlane::kVerdict);
    Outcome<Slice> bytes = co_await verdict_bytes;
    if (!bytes.ok()) co_return bytes.failure();
    Outcome<VerdictMessage> verdict = unpack_verdict(bytes.value());
    co_return Failure{FailureKind::kAborted, verdict.ok() ? verdict.value().why : "no reason"};
  }
  const ExchangeId id{.number = open.round, .epoch = open.epoch, .ledger_round = open.round};
  Async<Outcome<Done>> exchanging = collective_.exchange(id, request.in, request.out, open.roster);
  const Outcome<Done> exchanged = co_await exchanging;
  Pending<Outcome<Slice>> verdict_bytes = from_coordinator(transport_, TagPlane::kVerdict);
  std::ignore = transport_.send(
      to_coordinator(TagPlane::kReport, request.round),
      pack(ReportMessage{open.round, open.epoch, exchanged.ok(),
                         exchanged.ok() ? std::string() : exchanged.failure().what}));
  Outcome<Slice> bytes = co_await verdict_bytes;
  if (!bytes.ok()) co_return bytes.failure();
  Outcome<VerdictMessage> verdict = unpack_verdict(bytes.value());
  if (!verdict.ok()) co_return verdict.failure();
  if (!verdict.value().commit) co_return Failure{FailureKind::kAborted, verdict.value().why};
  co_return RoundResult{open.round, open.epoch, open.roster};
}

}  // namespace strait
