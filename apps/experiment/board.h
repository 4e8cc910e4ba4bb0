// Board: what the islands of one arm report, put together into one row per committed round.
//
// A row is finished when every member of its round has reported it (and its share of the
// evaluation, if one is due) or cannot any more, because it was killed or has ended. Rows are
// finished in the order of rounds. Work that missed its round counts in the row of the round in
// which the island next takes part. Sums go by island number, so rows of a run do not depend on the
// network as long as nobody misses anything.
//
// Thread: the loop's. Reports are posted there by the islands, so their order is that of virtual
// time and the rows are the same on every repeat.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "core/base/trace.h"
#include "core/base/wall_clock.h"
#include "core/comm/ledger.h"
#include "core/train/island.h"

namespace strait {

struct RoundRow {
  std::uint32_t round = 0;  // 0: the branch point, only evaluated
  std::int64_t step = 0;    // inner steps of the plan, pretraining included
  std::int64_t tokens = 0;  // of all islands since the branch point
  double loss = 0;          // mean training loss over islands and steps
  Nanos time{0};            // when the last island was done with the round
  Nanos waited{0};          // mean over islands, since the start
  double wall_s = 0;        // since the start of the arm; differs between repeats
  Nanos late{0};            // the latest event since the last row, in real time; likewise
  Bytes payload = 0;        // all islands' so far, counted
  Roster roster;
  int missing = 0;                    // islands that took no part
  int attempts = 0;                   // 1: the first was committed; 0: nobody decides rounds
  std::int64_t discarded_tokens = 0;  // whose work came to nothing, since the last row
  std::vector<IslandId> not_finite;   // islands whose outer gradient was not finite
  // combine() or mean_of() of the islands; empty if not evaluated, or not all of it
  std::vector<Metric> held_out;
};

/// What the board wants to know of a boundary.
struct IslandReport {
  IslandId island = 0;
  double loss = 0;  // sum over the steps
  std::int64_t steps = 0;
  std::int64_t tokens = 0;
  Nanos now{0};     // when the round was over for this island
  Nanos waited{0};  // since this life began
  Boundary boundary;
};
IslandReport report_of(const IslandRound& round);

class Board {
 public:
  using RowDone = std::function<void(const RoundRow&)>;

  /// `islands` there may be; `starters` are there from the start. `row_done` is called once per
  /// row, in order.
  Board(int islands, const Roster& starters, const TrainPlan& plan, const Ledger& ledger,
        RowDone row_done);

  void round_done(const IslandReport& report);
  void evaluated(IslandId island, std::uint32_t round, EvaluationShare share,
                 const std::vector<Metric>& metrics);

  /// The island reports nothing more: it has ended, or was killed. `lost_tokens` counted nowhere.
  void gone(IslandId island, std::int64_t lost_tokens);

  /// Rounds are counted from the event log.
  void record(const TraceRecord& record);

  /// After the run: finishes the rows that wait for somebody who will not report any more.
  void finish();

  const std::vector<RoundRow>& rows() const { return rows_; }

  /// Of the whole run, killed islands' included.
  std::int64_t tokens() const { return tokens_; }
  std::int64_t discarded_tokens() const { return discarded_; }

 private:
  /// An island's work that belongs to one row.
  struct Work {
    double loss = 0;  // sum over the steps
    std::int64_t steps = 0;
    std::int64_t tokens = 0;
    std::int64_t discarded = 0;
    bool finite = true;

    void add(const Work& more);
  };

  struct Unfinished {
    std::optional<Roster> roster;
    std::map<IslandId, Work> work;
    std::map<int, std::vector<Metric>> shares;  // by index
    bool own = false;                           // a share is all of an island's own evaluation
    std::vector<IslandId> evaluators;
    Nanos time{0};
  };

  struct Attempts {
    int aborted = 0;
    bool committed = false;
  };

  bool complete(std::uint32_t round, const Unfinished& row) const;
  void finish_rows(bool all);
  static std::vector<Metric> held_out(const Unfinished& row);
  RoundRow build(std::uint32_t round, const Unfinished& row);

  const int islands_;
  const TrainPlan plan_;
  const Ledger& ledger_;
  const RowDone row_done_;
  WallTimer timer_;
  std::map<std::uint32_t, Unfinished> unfinished_;
  std::map<std::uint32_t, Attempts> attempts_;
  std::vector<std::uint32_t> last_;  // by island: the last round it reported; kOwesNothing: gone
  std::vector<Work> carry_;          // by island: what belongs to its next row
  std::vector<Nanos> waited_;        // by island, in this life
  Nanos waited_before_{0};           // in lives that are over, of all islands
  std::int64_t tokens_ = 0;
  std::int64_t discarded_ = 0;
  std::vector<RoundRow> rows_;
};

}  // namespace strait
