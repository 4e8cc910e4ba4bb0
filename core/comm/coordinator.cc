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
  std::vector<Pending<Outcome<Slice>>> arriving;
  for (IslandId i = 0; i < options_.islands; ++i) {
    arriving.push_back(transport_.receive(peer_of(i), control_tag(TagPlane::kReady), kAnyLength));
  }
  std::vector<ReadyMessage> ready;
  for (auto& pending : arriving) {
    Outcome<Slice> bytes = co_await pending;
    if (!bytes.ok()) co_return bytes.failure();
    Outcome<ReadyMessage> message = unpack_ready(bytes.value());
    if (!message.ok()) co_return message.failure();
    ready.push_back(message.value());
  }
  for (std::size_t i = 0; i < ready.size(); ++i) {
    if (ready[i].round != round) {
      co_return Failure{
          FailureKind::kMismatch,
          fmt::format("island {} is at round {}, the run at round {}", i, ready[i].round, round)};
    }
    if (ready[i].shared_hash != ready[0].shared_hash) {
      co_return Failure{
          FailureKind::kMismatch,
          fmt::format("islands 0 and {} have different shared parameters before round {}", i,
                      round)};
    }
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
  std::vector<Pending<Outcome<Slice>>> arriving;
  for (IslandId i = 0; i < options_.islands; ++i) {
    arriving.push_back(transport_.receive(peer_of(i), control_tag(TagPlane::kReport), kAnyLength));
  }
  for (std::size_t i = 0; i < arriving.size(); ++i) {
    Outcome<Slice> bytes = co_await arriving[i];
    if (!bytes.ok()) co_return bytes.failure();
    Outcome<ReportMessage> report = unpack_report(bytes.value());
    if (!report.ok()) co_return report.failure();
    if (report.value().round != round || !report.value().completed) {
      co_return Failure{
          FailureKind::kAborted,
          fmt::format("island {} could not complete round {}: {}", i, round, report.value().why)};
    }
  }
  co_return Done{};
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
