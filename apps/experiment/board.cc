#include "apps/experiment/board.h"

#include <algorithm>

namespace strait {

Board::Board(int islands, const TrainPlan& plan, const Ledger& ledger, RowDone row_done)
    : islands_(islands), plan_(plan), ledger_(ledger), row_done_(std::move(row_done)) {}

void Board::round_done(const IslandRound& round, std::span<const float>) {
  const std::lock_guard lock(mutex_);
  unfinished_[round.round].reports[round.island] = round;
  finish_rows();
}

void Board::evaluated(IslandId island, std::uint32_t round, Nanos,
                      const std::vector<Metric>& metrics) {
  const std::lock_guard lock(mutex_);
  unfinished_[round].shares[island] = metrics;
  finish_rows();
}

bool Board::complete(std::uint32_t round, const Unfinished& row) const {
  const auto all = static_cast<std::size_t>(islands_);
  if (round > 0 && row.reports.size() < all) return false;
  return !plan_.evaluated_after(round) || row.shares.size() == all;
}

void Board::finish_rows() {
  while (!unfinished_.empty()) {
    const auto first = unfinished_.begin();
    if (first->first != rows_.size() || !complete(first->first, first->second)) return;
    rows_.push_back(build(first->first, first->second));
    tokens_ = rows_.back().tokens;
    unfinished_.erase(first);
    if (row_done_) row_done_(rows_.back());
  }
}

RoundRow Board::build(std::uint32_t round, const Unfinished& row) const {
  RoundRow result{.round = round,
                  .step = plan_.first_step + round * plan_.steps_per_round,
                  .tokens = tokens_,
                  .wall_s = timer_.seconds()};
  double loss = 0;
  std::int64_t steps = 0;
  std::int64_t waited = 0;
  for (const auto& [island, report] : row.reports) {
    for (const StepRecord& step : report.steps) loss += step.loss;
    steps += static_cast<std::int64_t>(report.steps.size());
    waited += report.waited.count();
    result.tokens += report.tokens;
    result.time = std::max(result.time, report.now);
    result.roster = report.roster;
  }
  // A round that every island has left is complete in the ledger.
  result.payload =
      (rows_.empty() ? 0 : rows_.back().payload) + ledger_.total(Cause::kPayload, round);
  if (steps > 0) result.loss = loss / static_cast<double>(steps);
  result.waited = Nanos{waited / islands_};
  std::vector<std::vector<Metric>> shares;
  for (const auto& [island, metrics] : row.shares) shares.push_back(metrics);
  if (!shares.empty()) result.held_out = combine(shares);
  return result;
}

}  // namespace strait
