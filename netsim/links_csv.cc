#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/base/errors.h"
#include "core/base/text.h"
#include "netsim/network_csv.h"

namespace strait {
namespace {

const std::string kAccessForm = fmt::format("island,up,down,{}", kLinkColumns);
const std::string kPairForm = fmt::format("from,to,rate,{}[,via]", kLinkColumns);

/// What rows may call an island, the one that says the most first.
std::array<Selector, 3> selectors_of(IslandId island, const std::string& region) {
  return {Selector{Selector::Kind::kIsland, island, {}},
          Selector{Selector::Kind::kRegion, -1, region}, Selector{}};
}

// --- one access link per island ---

std::vector<AccessLink> read_access_links(const std::string& path, const IslandNames& names,
                                          CsvFile& file) {
  std::map<Selector, AccessLink> links;
  for (const CsvRow& row : file.rows(kAccessForm)) {
    const BytesPerSecond up = read_rate(row, "up"), down = read_rate(row, "down");
    const LinkSpec both = read_link(row);
    const AccessLink link{up,          down,        both.delay, both.loss_ppm,
                          both.jitter, both.bursts, both.queue};
    if (!links.try_emplace(names.selector(row, "island"), link).second) {
      row.refuse("island", fmt::format("there is a row for '{}' already; keep one", row["island"]));
    }
  }
  std::vector<AccessLink> result;
  for (IslandId i = 0; i < names.count(); ++i) {
    const auto row = [&]() {  // that says the most
      for (const Selector& selector : selectors_of(i, names.region(i))) {
        if (const auto found = links.find(selector); found != links.end()) return found;
      }
      return links.end();
    }();
    if (row == links.end()) {
      throw UserError(
          fmt::format("{}: no row for island {}; add one, or a row for all others: "
                      "*,20mbit,20mbit,20ms",
                      path, i));
    }
    result.push_back(row->second);
  }
  return result;
}

// --- one link per ordered pair ---

struct PairRow {
  LinkSpec link;
  std::vector<int> via;  // bottlenecks
};

using PairRows = std::map<std::pair<Selector, Selector>, PairRow>;

std::vector<int> read_via(const CsvRow& row, const std::vector<Bottleneck>& bottlenecks) {
  std::vector<int> via;
  std::vector<std::string> known;
  for (const Bottleneck& bottleneck : bottlenecks) known.push_back(bottleneck.link.name);
  for (const std::string& name : split(row["via"], '+')) {
    const auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end()) {
      row.refuse("via", fmt::format("there is no bottleneck '{}'; {}", name,
                                    known.empty() ? "network.bottlenecks names a file of them"
                                                  : "there are " + join(known, ", ", " and ")));
    }
    const auto index = static_cast<int>(found - known.begin());
    if (std::find(via.begin(), via.end(), index) != via.end()) {
      row.refuse("via", fmt::format("'{}' is there twice; keep one", name));
    }
    via.push_back(index);
  }
  return via;
}

PairRows read_pairs(const IslandNames& names, const std::vector<Bottleneck>& bottlenecks,
                    CsvFile& file) {
  PairRows rows;
  for (const CsvRow& row : file.rows(kPairForm)) {
    const Selector from = names.selector(row, "from"), to = names.selector(row, "to");
    if (from.kind == Selector::Kind::kIsland && from == to) {
      row.refuse("to", fmt::format("island {} needs no link to itself; delete the row", row["to"]));
    }
    const BytesPerSecond rate = read_rate(row, "rate");
    PairRow pair{read_link(row), read_via(row, bottlenecks)};
    pair.link.rate = rate;
    if (!rows.try_emplace({from, to}, std::move(pair)).second) {
      row.refuse("from",
                 fmt::format("there is a row for {}>{} already; keep one", row["from"], row["to"]));
    }
  }
  return rows;
}

/// The row that says the most about a pair: first by `from`, then by `to`, an island says more than
/// its region, and that more than `*`. Null if no row matches.
const PairRow* find_pair(const PairRows& rows, const std::vector<IslandSpec>& islands,
                         IslandId from, IslandId to) {
  const auto selectors = [&](IslandId island) {
    return selectors_of(island, islands[static_cast<std::size_t>(island)].region);
  };
  for (const Selector& a : selectors(from)) {
    for (const Selector& b : selectors(to)) {
      if (const auto row = rows.find({a, b}); row != rows.end()) return &row->second;
    }
  }
  return nullptr;
}

std::vector<std::vector<int>> add_pair_links(const std::string& path, const PairRows& rows,
                                             NetworkDescription& network) {
  std::vector<std::vector<int>> via;
  for (IslandId from = 0; from < network.places; ++from) {
    for (IslandId to = 0; to < network.places; ++to) {
      network.paths.emplace_back();
      via.emplace_back();
      if (from == to) continue;
      const PairRow* const row = find_pair(rows, network.islands, from, to);
      if (row == nullptr) {
        throw UserError(
            fmt::format("{}: no row from island {} to {}; add one, or a row for all "
                        "others: *,*,20mbit,40ms",
                        path, from, to));
      }
      network.paths.back() = {static_cast<int>(network.links.size())};
      via.back() = row->via;
      network.links.push_back(row->link);
      network.links.back().name = fmt::format("{}>{}", from, to);
    }
  }
  return via;
}

}  // namespace

std::vector<std::vector<int>> read_links(const std::string& path, const IslandNames& names,
                                         const std::vector<Bottleneck>& bottlenecks,
                                         NetworkDescription& network) {
  CsvFile file(path);
  if (file.has_column("from") || file.has_column("to")) {
    return add_pair_links(path, read_pairs(names, bottlenecks, file), network);
  }
  NetworkDescription access = describe_network(read_access_links(path, names, file));
  network.links = std::move(access.links);
  network.paths = std::move(access.paths);
  return std::vector<std::vector<int>>(network.paths.size());
}

}  // namespace strait
