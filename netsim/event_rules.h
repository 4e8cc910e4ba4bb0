// What can happen to a link or an island, given what has happened to it: follows the rows of an
// events file and refuses what cannot be.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "netsim/csv_rows.h"
#include "netsim/description.h"

namespace strait {

class EventRules {
 public:
  explicit EventRules(const NetworkDescription& network);

  /// Rows come in the order of time; `time` is the row's.
  void goes_down(const CsvRow& row, Nanos time, int link);
  void comes_up(const CsvRow& row, Nanos time, int link);
  void changes(const CsvRow& row, int link);  // its rate or delay
  void changes_loss(const CsvRow& row, int link);
  void follows_trace(const CsvRow& row, Nanos time, int link, bool sets_loss);
  void has_background(const CsvRow& row, int link);
  void has_outages(const CsvRow& row, Nanos time, int link, bool regular);

  void pauses(const CsvRow& row, Nanos time, IslandId island);
  void falls_silent(const CsvRow& row, Nanos time, Nanos duration, IslandId island);
  void goes(const CsvRow& row, Nanos time, IslandId island);  // is killed, or leaves
  void joins(const CsvRow& row, Nanos time, IslandId island);

 private:
  struct Link {
    std::optional<Nanos> down_since{}, trace_since{}, outages_since{};
    bool trace_sets_loss = false;
    bool background = false;
    bool outages_regular = false;

    std::string_view outages() const {
      return outages_regular ? "is flapping" : "has random outages";
    }
  };
  struct Island {
    Nanos start{0};
    bool there = true;
    Nanos gone_since{0};
    Nanos silent_since{0};
    Nanos silent_until{0};  // kNever: for good
  };

  Link& link(int index) { return links_[static_cast<std::size_t>(index)]; }
  Island& island(IslandId id) { return islands_[static_cast<std::size_t>(id)]; }
  const std::string& name(int link) const {
    return network_.links[static_cast<std::size_t>(link)].name;
  }
  void not_silent_for_good(const CsvRow& row, IslandId id);
  void is_there(const CsvRow& row, Nanos time, IslandId id);

  const NetworkDescription& network_;
  std::vector<Link> links_;
  std::vector<Island> islands_;
};

}  // namespace strait
