#include <fmt/format.h>

#include <algorithm>

#include "core/base/errors.h"
#include "core/base/text.h"
#include "netsim/network_csv.h"

namespace strait {
namespace {

const std::string kForm = fmt::format("name,from,to,rate,{}", kLinkColumns);

/// By what the bottleneck's own row says; `via` names others.
bool passes(const Bottleneck& bottleneck, const IslandNames& names, IslandId from, IslandId to) {
  if (!bottleneck.from) return false;
  const bool leaves = names.matches(*bottleneck.from, from);
  const bool comes = names.matches(*bottleneck.to, to);
  if (!leaves || !comes) return false;
  // `*` is all others: who is on the named side is not.
  const bool all_leave = bottleneck.from->kind == Selector::Kind::kAll;
  const bool all_come = bottleneck.to->kind == Selector::Kind::kAll;
  if (all_leave && !all_come) return !names.matches(*bottleneck.to, from);
  if (all_come && !all_leave) return !names.matches(*bottleneck.from, to);
  return true;
}

void check_length(const std::string& path, const NetworkDescription& network, IslandId from,
                  IslandId to) {
  const std::vector<int>& links = network.path(from, to);
  if (links.size() <= kMaxHops) return;
  std::vector<std::string> names;
  for (const int link : links) names.push_back(network.links[static_cast<std::size_t>(link)].name);
  throw UserError(
      fmt::format("{}: from island {} to {} there are {} links ({}); a path has at most "
                  "{}: take a bottleneck away",
                  path, from, to, links.size(), join(names, ", "), kMaxHops));
}

}  // namespace

std::vector<Bottleneck> read_bottlenecks(const std::string& path, const IslandNames& names) {
  std::vector<Bottleneck> bottlenecks;
  for (const CsvRow& row : CsvFile(path).rows(kForm)) {
    const std::string& name = row["name"];
    check_name(row, "name", name);
    const bool twice =
        std::any_of(bottlenecks.begin(), bottlenecks.end(),
                    [&](const Bottleneck& other) { return other.link.name == name; });
    if (twice || names.taken(name)) {
      row.refuse("name", fmt::format("there is {} '{}' already; write another name, e.g. {}-2",
                                     twice ? "a bottleneck" : "an island or region", name, name));
    }
    const BytesPerSecond rate = read_rate(row, "rate");
    Bottleneck bottleneck{row, read_link(row), {}, {}};
    bottleneck.link.name = name;
    bottleneck.link.rate = rate;
    if (!row["from"].empty() || !row["to"].empty()) {  // a half that is empty is refused
      bottleneck.from = names.selector(row, "from");
      bottleneck.to = names.selector(row, "to");
    }
    bottlenecks.push_back(std::move(bottleneck));
  }
  return bottlenecks;
}

void add_bottlenecks(const std::string& path, const IslandNames& names,
                     const std::vector<Bottleneck>& bottlenecks,
                     const std::vector<std::vector<int>>& via, NetworkDescription& network) {
  const auto first = static_cast<int>(network.links.size());
  std::vector<bool> used(bottlenecks.size());
  for (const Bottleneck& bottleneck : bottlenecks) network.links.push_back(bottleneck.link);
  for (std::size_t pair = 0; pair < network.paths.size(); ++pair) {
    auto& links = network.paths[pair];
    if (links.empty()) continue;
    const auto from = static_cast<IslandId>(pair) / network.places;
    const auto to = static_cast<IslandId>(pair) % network.places;
    // Behind the link of a pair, or between the access links.
    const auto behind = static_cast<std::ptrdiff_t>(links.size()) - 1;
    for (std::size_t b = 0; b < bottlenecks.size(); ++b) {
      const auto index = static_cast<int>(b);
      const bool named = std::find(via[pair].begin(), via[pair].end(), index) != via[pair].end();
      if (!named && !passes(bottlenecks[b], names, from, to)) continue;
      links.insert(links.end() - behind, first + index);
      used[b] = true;
    }
    check_length(path, network, from, to);
  }
  for (std::size_t b = 0; b < bottlenecks.size(); ++b) {
    if (used[b]) continue;
    const bool by_name = !bottlenecks[b].from;
    bottlenecks[b].row.refuse(
        "name", fmt::format("no island sends to another through '{}'; {}, or delete the row",
                            bottlenecks[b].link.name,
                            by_name ? "name it in a `via` of the links, or give from and to"
                                    : "write from and to between which others lie"));
  }
}

}  // namespace strait
