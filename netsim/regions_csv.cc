// What lies between regions, on top of the islands' access links: the short form of a matrix.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/base/errors.h"
#include "core/base/text.h"
#include "netsim/network_csv.h"

namespace strait {
namespace {

const std::string kRegionForm = fmt::format("from,to,{}[,rate]", kLinkColumns);

using RegionPair = std::pair<std::string, std::string>;
using RegionRows = std::map<RegionPair, LinkSpec>;  // "*", "*" for all others

/// In the order of their first island. Throws if an island has none.
std::vector<std::string> regions_of(const std::string& path, const IslandNames& names) {
  std::vector<std::string> regions;
  for (IslandId island = 0; island < names.count(); ++island) {
    const std::string& region = names.region(island);
    if (region.empty()) {
      throw UserError(
          fmt::format("{}: island {} is in no region; give it one in network.islands, "
                      "column region",
                      path, island));
    }
    if (std::find(regions.begin(), regions.end(), region) == regions.end()) {
      regions.push_back(region);
    }
  }
  return regions;
}

void check_region(const CsvRow& row, std::string_view column,
                  const std::vector<std::string>& regions) {
  const std::string& name = row[column];
  if (std::find(regions.begin(), regions.end(), name) != regions.end()) return;
  row.refuse(column,
             fmt::format("there is no region '{}'; there {} {}", name,
                         regions.size() == 1 ? "is only" : "are", join(regions, ", ", " and ")));
}

RegionRows read_regions(const std::string& path, const std::vector<std::string>& regions) {
  RegionRows rows;
  for (const CsvRow& row : CsvFile(path).rows(kRegionForm)) {
    const std::string &from = row["from"], &to = row["to"];
    if (from != "*" || to != "*") {
      check_region(row, "from", regions);
      check_region(row, "to", regions);
      if (from == to) {
        row.refuse("to",
                   fmt::format("within region {} there are only access links; delete the row", to));
      }
    }
    LinkSpec link = read_link(row);
    if (!row["rate"].empty()) link.rate = read_rate(row, "rate");
    if (!rows.try_emplace({from, to}, link).second) {
      row.refuse("from", fmt::format("there is a row for {}>{} already; keep one", from, to));
    }
  }
  return rows;
}

/// The pair's own row, or that of the other direction, or that of all others.
LinkSpec find_link(const std::string& path, const RegionRows& rows, const std::string& from,
                   const std::string& to) {
  for (const RegionPair& pair :
       {RegionPair{from, to}, RegionPair{to, from}, RegionPair{"*", "*"}}) {
    if (const auto row = rows.find(pair); row != rows.end()) {
      LinkSpec link = row->second;
      link.name = fmt::format("{}>{}", from, to);
      return link;
    }
  }
  throw UserError(fmt::format(
      "{}: no row for {} and {}; add one, or a row for all others: *,*,40ms", path, from, to));
}

}  // namespace

void add_region_links(const std::string& path, const IslandNames& names,
                      NetworkDescription& network) {
  const bool access = network.places < 2 || network.path(0, 1).size() == 2;
  if (!access) {
    throw UserError(
        fmt::format("{}: network.links has a link for each pair, so nothing lies "
                    "between regions; write regions as from and to there, or give "
                    "access links (island,up,down,delay)",
                    path));
  }
  const std::vector<std::string> regions = regions_of(path, names);
  const RegionRows rows = read_regions(path, regions);
  std::map<RegionPair, int> links;
  for (const std::string& from : regions) {
    for (const std::string& to : regions) {
      if (from == to) continue;
      links[{from, to}] = static_cast<int>(network.links.size());
      network.links.push_back(find_link(path, rows, from, to));
    }
  }
  for (IslandId from = 0; from < network.places; ++from) {
    for (IslandId to = 0; to < network.places; ++to) {
      if (names.region(from) == names.region(to)) continue;
      auto& way = network.paths[static_cast<std::size_t>(from * network.places + to)];
      way.insert(way.begin() + 1, links.at({names.region(from), names.region(to)}));
    }
  }
}

}  // namespace strait
