#include "core/comm/coordinator.h"

#include <fmt/format.h>

#include <tuple>

namespace strait {

namespace {

Tag control_tag(TagPlane plane) { return make_tag({.plane = plane}); }

/// Weights as every island will use them: normalised in double, rounded once.
Roster normalise(const std::vector<ReadyMessage>& ready) {
  double sum = 0;
  for (const auto& message : ready) sum += message.weight;
  Roster roster;
  for (std::size_t i = 0; i < ready.size(); ++i) {
    const double weight = sum > 0 ? ready[i].weight / sum : 0;
    roster.members.push_back({static_cast<IslandId>(i), static_cast<float>(weight)});
  }
  return roster;
}

/// One message of a kind from every island. The first thing that is wrong with any of them decides,
/// since the others may be waiting for just that island.
template <class Message>
struct Gathering {
  Gathering(Transport& t, int islands)
      : transport(t),
        messages(static_cast<std::size_t>(islands)),
        missing(islands),
        decided(t.loop()) {}

  template <class Check>
  Pending<Outcome<Done>> hear_all(TagPlane plane, Outcome<Message> (*unpack)(const Slice&),
                                  Check check) {
    for (IslandId i = 0; i < static_cast<IslandId>(messages.size()); ++i) {
      scope.spawn(hear(*this, i, plane, unpack, check));
    }
    return decided.pending();
  }

  template <class Check>
  static Async<Done> hear(Gathering& self, IslandId island, TagPlane plane,
                          Outcome<Message> (*unpack)(const Slice&), Check check) {
    Pending<Outcome<Slice>> arriving =
        self.transport.receive(peer_of(island), control_tag(plane), kAnyLength);
    Outcome<Slice> bytes = co_await arriving;
    Outcome<Done> outcome = Done{};
    if (!bytes.ok()) {
      outcome = bytes.failure();
    } else if (Outcome<Message> message = unpack(bytes.value()); !message.ok()) {
      outcome = Failure{FailureKind::kMismatch,
                        fmt::format("island {} sends {}", island, message.failure().what)};
    } else {
      outcome = check(island, message.value());
      self.messages[static_cast<std::size_t>(island)] = std::move(message).value();
    }
    if (self.decided.completed()) co_return Done{};
    if (!outcome.ok() || --self.missing == 0) self.decided.complete(outcome);
    co_return Done{};
  }

  Transport& transport;
  std::vector<Message> messages;  // by island
  int missing;
  Promise<Outcome<Done>> decided;
  Scope scope;
};

}  // namespace

Coordinator::Coordinator(Transport& transport, Storage& storage, Ledger& ledger, Trace& trace,
                         CoordinatorOptions options)
    : transport_(transport),
      storage_(storage),
      ledger_(ledger),
      trace_(trace),
      options_(std::move(options)) {}

void Coordinator::start() { scope_.spawn(serve()); }

Async<Done> Coordinator::serve() {
  for (std::uint32_t round = 1;; ++round) {
    Async<Outcome<Roster>> gathering = gather_ready(round);
    Outcome<Roster> roster = co_await gathering;
    if (!roster.ok()) {
      // Nobody can be told more than why: an empty roster, then the reason.
      tell_all(TagPlane::kRoster, round, pack(RosterMessage{round, 0, {}}));
      decide(round, false, roster.failure().what);
      co_return Done{};
    }
    tell_all(TagPlane::kRoster, round, pack(RosterMessage{round, 0, roster.value()}));
    Async<Outcome<Done>> reporting = gather_reports(round);
    const Outcome<Done> reports = co_await reporting;
    if (!reports.ok()) {
      decide(round, false, reports.failure().what);
      co_return Done{};
    }
    // Durable before anybody hears of it. A disk that refuses ends the run.
    write_journal(round, roster.value());
    decide(round, true, {});
    committed_ = round;
  }
}

Async<Outcome<Roster>> Coordinator::gather_ready(std::uint32_t round) {
  Gathering<ReadyMessage> gathering(transport_, options_.islands);
  const auto check = [round](IslandId island, const ReadyMessage& message) -> Outcome<Done> {
    if (message.round == round) return Done{};
    return Failure{FailureKind::kMismatch, fmt::format("island {} is at round {}, the run at round "
                                                       "{}",
                                                       island, message.round, round)};
  };
  Pending<Outcome<Done>> hearing = gathering.hear_all(TagPlane::kReady, unpack_ready, check);
  Outcome<Done> heard = co_await hearing;
  if (!heard.ok()) co_return heard.failure();
  const std::vector<ReadyMessage>& ready = gathering.messages;
  for (std::size_t i = 0; i < ready.size(); ++i) {
    if (ready[i].shared_hash == ready[0].shared_hash) continue;
    co_return Failure{FailureKind::kMismatch,
                      fmt::format("islands 0 and {} have different shared parameters before round "
                                  "{}",
                                  i, round)};
  }
  shared_hash_ = ready[0].shared_hash;
  Roster roster = normalise(ready);
  if (roster.contributors().empty()) {
    co_return Failure{FailureKind::kAborted,
                      "no island has a finite outer gradient: training diverged; lower "
                      "inner.lr or outer.lr"};
  }
  co_return roster;
}

Async<Outcome<Done>> Coordinator::gather_reports(std::uint32_t round) {
  Gathering<ReportMessage> gathering(transport_, options_.islands);
  const auto check = [round](IslandId island, const ReportMessage& message) -> Outcome<Done> {
    if (message.round == round && message.completed) return Done{};
    return Failure{FailureKind::kAborted, fmt::format("island {} could not complete round {}: {}",
                                                      island, round, message.why)};
  };
  Pending<Outcome<Done>> hearing = gathering.hear_all(TagPlane::kReport, unpack_report, check);
  Outcome<Done> heard = co_await hearing;
  co_return heard;
}

void Coordinator::write_journal(std::uint32_t round, const Roster& roster) {
  std::string line =
      fmt::format("commit round={} epoch=0 before={:016x} members=", round, shared_hash_);
  for (const auto& member : roster.members) line += fmt::format("{},", member.island);
  line.back() = '\n';
  storage_.append(options_.journal, std::as_bytes(std::span(line)));
  storage_.sync(options_.journal);
}

void Coordinator::tell_all(TagPlane plane, std::uint32_t round, const Slice& message) {
  for (IslandId i = 0; i < options_.islands; ++i) {
    std::ignore = transport_.send(
        {.to = peer_of(i), .tag = control_tag(plane), .cause = Cause::kControl, .round = round},
        message);
  }
}

void Coordinator::decide(std::uint32_t round, bool commit, const std::string& why) {
  if (!commit) ledger_.abort_round(round);
  trace_.add({transport_.loop().now(), TraceKind::kRound, round, 0, commit ? 1 : 0});
  tell_all(TagPlane::kVerdict, round, pack(VerdictMessage{round, 0, commit, why}));
}

}  // namespace strait
