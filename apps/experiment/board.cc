#include "apps/experiment/board.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace strait {

namespace {
constexpr std::uint32_t kOwesNothing = std::numeric_limits<std::uint32_t>::max();
}

void Board::Work::add(const Work& more) {
  loss += more.loss;
  steps += more.steps;
  tokens += more.tokens;
  discarded += more.discarded;
  finite = finite && more.finite;
}

Board::Board(int islands, const Roster& starters, const TrainPlan& plan, const Ledger& ledger,
             RowDone row_done)
    : islands_(islands),
      plan_(plan),
      ledger_(ledger),
      row_done_(std::move(row_done)),
      last_(static_cast<std::size_t>(islands), kOwesNothing),
      carry_(static_cast<std::size_t>(islands)),
      waited_(static_cast<std::size_t>(islands)) {
  for (const auto& member : starters.members) last_[static_cast<std::size_t>(member.island)] = 0;
  unfinished_[0].roster = starters;
}

IslandReport report_of(const IslandRound& round) {
  IslandReport report{.island = round.island,
                      .steps = static_cast<std::int64_t>(round.steps.size()),
                      .tokens = round.tokens,
                      .now = round.now,
                      .waited = round.waited,
                      .boundary = round.boundary};
  for (const StepRecord& step : round.steps) report.loss += step.loss;
  return report;
}

void Board::round_done(const IslandReport& report) {
  const auto island = static_cast<std::size_t>(report.island);
  const Boundary& boundary = report.boundary;
  const Work work{.loss = report.loss,
                  .steps = report.steps,
                  .tokens = report.tokens,
                  .discarded = boundary.discarded_tokens,
                  .finite = boundary.finite};
  tokens_ += work.tokens;
  discarded_ += work.discarded;
  waited_[island] = report.waited;
  carry_[island].add(work);
  if (boundary.round == 0) return;
  last_[island] = boundary.round;
  // A row that did not wait for this island takes nothing more.
  if (boundary.round < rows_.size()) return;
  Unfinished& row = unfinished_[boundary.round];
  row.roster = boundary.roster;
  row.time = std::max(row.time, report.now);
  row.work[report.island] = std::exchange(carry_[island], {});
  finish_rows(/*all=*/false);
}

void Board::evaluated(IslandId island, std::uint32_t round, EvaluationShare share,
                      const std::vector<Metric>& metrics) {
  if (round < rows_.size()) return;
  unfinished_[round].shares[share.index] = metrics;
  unfinished_[round].own = share.own;
  unfinished_[round].evaluators.push_back(island);
  finish_rows(/*all=*/false);
}

void Board::gone(IslandId island, std::int64_t lost_tokens) {
  const auto n = static_cast<std::size_t>(island);
  last_[n] = kOwesNothing;
  waited_before_ += std::exchange(waited_[n], Nanos{0});
  tokens_ += lost_tokens;
  discarded_ += lost_tokens;
  carry_[n].add({.tokens = lost_tokens, .discarded = lost_tokens});
  finish_rows(/*all=*/false);
}

void Board::record(const TraceRecord& record) {
  if (record.kind != TraceKind::kRound) return;
  Attempts& attempts = attempts_[static_cast<std::uint32_t>(record.a)];
  if (record.c == 1) {
    attempts.committed = true;
  } else {
    ++attempts.aborted;
  }
}

void Board::finish() { finish_rows(/*all=*/true); }

bool Board::complete(std::uint32_t round, const Unfinished& row) const {
  const auto& members = row.roster->members;
  const bool evaluated = !plan_.evaluated_after(round) || row.shares.size() == members.size();
  return std::all_of(members.begin(), members.end(), [&](const auto& member) {
    const std::uint32_t last = last_[static_cast<std::size_t>(member.island)];
    if (last < round) return false;
    // Who has reported a later round has evaluated this one before, or never will.
    return evaluated || last > round ||
           std::count(row.evaluators.begin(), row.evaluators.end(), member.island) > 0;
  });
}

void Board::finish_rows(bool all) {
  while (!unfinished_.empty()) {
    const auto first = unfinished_.begin();
    if (!first->second.roster) return;
    if (!all && (first->first != rows_.size() || !complete(first->first, first->second))) return;
    rows_.push_back(build(first->first, first->second));
    unfinished_.erase(first);
    if (row_done_) row_done_(rows_.back());
  }
}

RoundRow Board::build(std::uint32_t round, const Unfinished& row) {
  RoundRow result{.round = round,
                  .step = plan_.first_step + round * plan_.steps_per_round,
                  .tokens = rows_.empty() ? 0 : rows_.back().tokens,
                  .time = row.time,
                  .wall_s = timer_.seconds(),
                  .roster = *row.roster};
  double loss = 0;
  std::int64_t steps = 0;
  const auto count = [&](const Work& work) {
    loss += work.loss;
    steps += work.steps;
    result.tokens += work.tokens;
    result.discarded_tokens += work.discarded;
  };
  for (IslandId island = 0; island < islands_; ++island) {
    if (const auto found = row.work.find(island); found != row.work.end()) {
      count(found->second);
      if (!found->second.finite) result.not_finite.push_back(island);
    }
    // What nobody will report any more.
    const auto n = static_cast<std::size_t>(island);
    if (last_[n] == kOwesNothing) count(std::exchange(carry_[n], {}));
  }
  if (steps > 0) result.loss = loss / static_cast<double>(steps);
  Nanos waited = waited_before_;
  for (const Nanos own : waited_) waited += own;
  result.waited = waited / islands_;
  // A round that every member has left is complete in the ledger.
  result.payload =
      (rows_.empty() ? 0 : rows_.back().payload) + ledger_.total(Cause::kPayload, round);
  result.missing = islands_ - static_cast<int>(row.roster->members.size());
  if (const auto found = attempts_.find(round); found != attempts_.end()) {
    result.attempts = found->second.aborted + (found->second.committed ? 1 : 0);
  }
  result.held_out = held_out(row);
  return result;
}

std::vector<Metric> Board::held_out(const Unfinished& row) {
  const auto& members = row.roster->members;
  if (row.shares.empty() || row.shares.size() != members.size()) return {};
  std::vector<std::vector<Metric>> shares;
  for (const auto& [index, metrics] : row.shares) shares.push_back(metrics);
  if (!row.own || members.size() == 1) return combine(shares);
  std::vector<IslandId> islands;
  for (const auto& member : members) islands.push_back(member.island);
  return mean_of(islands, shares);
}

}  // namespace strait
