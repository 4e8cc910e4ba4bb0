// Whom a row of events.csv is about.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "netsim/network_csv.h"

namespace strait {

struct LinkSubject {
  std::vector<int> links;
  std::string name;  // as a user could have written it, with islands by number
};

class EventSubjects {
 public:
  EventSubjects(const IslandNames& names, const NetworkDescription& network);

  /// The links that the row's subject names: "2" (both directions of an island's access link, or
  /// all links of its pairs), "2.up", "2.down", "0>3", a bottleneck, or several joined with +.
  LinkSubject links(const CsvRow& row) const;

  /// The island that the row's subject names.
  IslandId island(const CsvRow& row) const;

  const std::string& name(int link) const {
    return network_.links[static_cast<std::size_t>(link)].name;
  }

 private:
  LinkSubject part_of(const CsvRow& row, std::string_view part) const;
  void add(std::string_view name, std::vector<int>& links) const;

  const IslandNames& names_;
  const NetworkDescription& network_;
  std::map<std::string, int, std::less<>> by_name_;
};

}  // namespace strait
