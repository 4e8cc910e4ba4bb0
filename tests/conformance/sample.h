// A deterministic sample of a product of tables, so that every two rows of different tables meet.
#pragma once

#include <cstddef>
#include <vector>

namespace strait {

/// Row numbers, one per table.
using Choice = std::vector<std::size_t>;

/// Whether the rows (a of table t) and (b of table u) are still to meet.
class Meetings {
 public:
  explicit Meetings(const std::vector<std::size_t>& rows) : rows_(rows) {
    for (std::size_t t = 0; t < rows.size(); ++t) {
      for (std::size_t u = t + 1; u < rows.size(); ++u) {
        open_.push_back({t, u, std::vector<bool>(rows[t] * rows[u], true)});
      }
    }
  }

  /// How many meetings would be new if table `t` chose `row` beside the tables chosen so far.
  std::size_t gain(const Choice& choice, const std::vector<bool>& chosen, std::size_t t,
                   std::size_t row) const {
    std::size_t gain = 0;
    for (const Pair& pair : open_) {
      if (pair.t == t && chosen[pair.u]) gain += pair.open[row * rows_[pair.u] + choice[pair.u]];
      if (pair.u == t && chosen[pair.t]) gain += pair.open[choice[pair.t] * rows_[t] + row];
    }
    return gain;
  }

  /// The first pair that has not met; false if all have. Fills in its two tables.
  bool next(Choice& choice, std::vector<bool>& chosen) const {
    for (const Pair& pair : open_) {
      for (std::size_t i = 0; i < pair.open.size(); ++i) {
        if (!pair.open[i]) continue;
        choice[pair.t] = i / rows_[pair.u];
        choice[pair.u] = i % rows_[pair.u];
        chosen[pair.t] = chosen[pair.u] = true;
        return true;
      }
    }
    return false;
  }

  void met(const Choice& choice) {
    for (Pair& pair : open_) pair.open[choice[pair.t] * rows_[pair.u] + choice[pair.u]] = false;
  }

 private:
  struct Pair {
    std::size_t t, u;
    std::vector<bool> open;
  };
  std::vector<std::size_t> rows_;
  std::vector<Pair> open_;
};

/// `rows[t]` rows in table t. Greedy: the first pair that has not met, and beside it in each other
/// table the row that lets the most pairs meet.
inline std::vector<Choice> every_two_meet(const std::vector<std::size_t>& rows) {
  Meetings meetings(rows);
  std::vector<Choice> choices;
  for (;;) {
    Choice choice(rows.size());
    std::vector<bool> chosen(rows.size());
    if (!meetings.next(choice, chosen)) return choices;
    for (std::size_t t = 0; t < rows.size(); ++t) {
      if (chosen[t]) continue;
      std::size_t best = 0;
      for (std::size_t row = 1; row < rows[t]; ++row) {
        if (meetings.gain(choice, chosen, t, row) > meetings.gain(choice, chosen, t, best)) {
          best = row;
        }
      }
      choice[t] = best;
      chosen[t] = true;
    }
    meetings.met(choice);
    choices.push_back(choice);
  }
}

}  // namespace strait
