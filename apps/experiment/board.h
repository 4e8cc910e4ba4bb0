// Board: what the islands of one arm report, put together into one row per round.
//
// Islands report on their own threads, in any order of wall time; a row is finished when every
// island has reported its round (and its share of the evaluation, if one is due), and rows are
// finished in the order of rounds. Sums go by island number, so the rows are the same on every
// repeat.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "core/base/wall_clock.h"
#include "core/comm/ledger.h"
#include "core/train/island.h"

namespace strait {

struct RoundRow {
  std::uint32_t round = 0;  // 0: the branch point, only evaluated
  std::int64_t step = 0;    // inner steps done, pretraining included
  std::int64_t tokens = 0;  // of all islands since the branch point
  double loss = 0;          // mean training loss of the round, over islands and steps
  Nanos time{0};            // when the last island was done with the round
  Nanos waited{0};          // mean over islands, since the start
  double wall_s = 0;        // since the start of the arm; differs between repeats
  Bytes payload = 0;        // all islands' so far, counted
  Roster roster;
  std::vector<Metric> held_out;  // combined; empty if this round was not evaluated
};

class Board final : public IslandObserver {
 public:
  using RowDone = std::function<void(const RoundRow&)>;

  /// `row_done` is called once per row, in order, on some island's thread, under the board's lock.
  Board(int islands, const TrainPlan& plan, const Ledger& ledger, RowDone row_done);

  void round_done(const IslandRound& round, std::span<const float> shared) override;
  void evaluated(IslandId island, std::uint32_t round, Nanos now,
                 const std::vector<Metric>& metrics) override;

  /// After the run: all rows.
  const std::vector<RoundRow>& rows() const { return rows_; }

 private:
  struct Unfinished {
    std::map<IslandId, IslandRound> reports;
    std::map<IslandId, std::vector<Metric>> shares;
  };

  bool complete(std::uint32_t round, const Unfinished& row) const;
  void finish_rows();
  RoundRow build(std::uint32_t round, const Unfinished& row) const;

  const int islands_;
  const TrainPlan plan_;
  const Ledger& ledger_;
  const RowDone row_done_;
  WallTimer timer_;
  std::mutex mutex_;
  std::map<std::uint32_t, Unfinished> unfinished_;
  std::int64_t tokens_ = 0;
  std::vector<RoundRow> rows_;
};

}  // namespace strait
