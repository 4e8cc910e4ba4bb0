#include <fmt/format.h>

#include <algorithm>

#include "core/base/errors.h"
#include "netsim/network_csv.h"

namespace strait {
namespace {

/// As for compute.step.
constexpr Nanos kLongestStep = std::chrono::hours(1);

IslandSpec read_island(const CsvRow& row) {
  IslandSpec island;
  island.name = row["name"];
  if (!island.name.empty()) check_name(row, "name", island.name);
  island.region = row["region"];
  if (!island.region.empty()) check_name(row, "region", island.region);
  if (!row["step"].empty()) {
    island.step = row.quantity("step", parse_duration);
    if (*island.step > kLongestStep) {
      row.refuse("step", fmt::format("'{}' is more than {}; write e.g. 150ms", row["step"],
                                     format_duration(kLongestStep)));
    }
  }
  if (!row["speed"].empty()) {
    island.speed_ppm = row.quantity("speed", parse_speed);
    if (island.step) {
      row.refuse("speed", fmt::format("'{}' is of compute.step, but the row has a step of its own; "
                                      "keep one",
                                      row["speed"]));
    }
  }
  if (!row["jitter"].empty()) island.jitter = row.quantity("jitter", parse_fraction);
  if (!row["start"].empty()) island.start = row.quantity("start", parse_duration);
  return island;
}

/// Names are of one island, and no region is called like an island.
class Names {
 public:
  void add(const CsvRow& row, const IslandSpec& island) {
    if (!island.name.empty()) {
      check(row, "name", island.name, names_, "there is an island");
      check(row, "name", island.name, regions_, "there is a region");
      names_.push_back(island.name);
    }
    if (!island.region.empty()) {
      check(row, "region", island.region, names_, "there is an island");
      regions_.push_back(island.region);
    }
  }

 private:
  static void check(const CsvRow& row, std::string_view column, const std::string& name,
                    const std::vector<std::string>& taken, std::string_view what) {
    if (std::find(taken.begin(), taken.end(), name) == taken.end()) return;
    row.refuse(column,
               fmt::format("{} '{}' already; write another name, e.g. {}-2", what, name, name));
  }

  std::vector<std::string> names_, regions_;
};

}  // namespace

std::vector<IslandSpec> read_islands(const std::string& path, int count) {
  std::vector<std::optional<IslandSpec>> islands(static_cast<std::size_t>(count));
  std::optional<IslandSpec> others;
  const std::vector<IslandSpec> unnamed(islands.size());
  const IslandNames numbers(unnamed);
  Names names;
  for (const CsvRow& row :
       CsvFile(path).rows("island[,name][,region][,step][,speed][,jitter][,start]")) {
    const std::string& text = row["island"];
    const bool is_others = text == "*";
    auto& island =
        is_others ? others : islands[static_cast<std::size_t>(numbers.island(row, "island", text))];
    if (island) {
      row.refuse("island", fmt::format("there is a row for '{}' already; keep one", text));
    }
    island = read_island(row);
    if (is_others && !island->name.empty()) {
      row.refuse("name", fmt::format("'{}' would be the name of many islands; leave it empty",
                                     island->name));
    }
    names.add(row, *island);
  }
  std::vector<IslandSpec> result;
  for (const auto& island : islands) {
    result.push_back(island ? *island : others.value_or(IslandSpec{}));
  }
  if (std::all_of(result.begin(), result.end(),
                  [](const IslandSpec& island) { return island.start > Nanos{0}; })) {
    throw UserError(
        fmt::format("{}: column 'start': no island is there from the start; leave it "
                    "empty for at least one",
                    path));
  }
  return result;
}

}  // namespace strait
