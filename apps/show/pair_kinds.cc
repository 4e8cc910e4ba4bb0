#include "apps/show/pair_kinds.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <tuple>

#include "core/base/text.h"

namespace strait {
namespace {

constexpr std::size_t kMostNames = 4;

/// All islands of a group by its name, else the islands themselves.
std::string who(const NetworkView& view, const std::set<IslandId>& islands) {
  if (static_cast<int>(islands.size()) == view.count()) return "every island";
  for (const NetworkView::Group& group : view.groups()) {
    if (!group.name.empty() && std::set(group.islands.begin(), group.islands.end()) == islands) {
      return group.name;
    }
  }
  std::vector<std::string> names;
  for (const IslandId island : islands) names.push_back(view.label(island));
  return some_of(names);
}

}  // namespace

std::string some_of(const std::vector<std::string>& names) {
  if (names.size() <= kMostNames) return join(names, ", ");
  const std::vector<std::string> first(names.begin(), names.begin() + kMostNames - 1);
  return fmt::format("{} and {} more", join(first, ", "), names.size() - first.size());
}

std::pair<std::string, std::string> ends_of(const NetworkView& view,
                                            const std::vector<IslandPair>& pairs) {
  std::set<IslandId> from, to;
  for (const auto& [a, b] : pairs) {
    from.insert(a);
    to.insert(b);
  }
  std::size_t product = from.size() * to.size();
  for (const IslandId island : from) product -= to.count(island);
  if (product == pairs.size()) return {who(view, from), who(view, to)};
  std::vector<std::string> names;
  for (const auto& [a, b] : pairs) {
    names.push_back(fmt::format("{}>{}", view.label(a), view.label(b)));
  }
  return {some_of(names), ""};
}

std::vector<PairKind> pair_kinds(const NetworkView& view) {
  using Key = std::tuple<std::size_t, std::size_t, PairFigures>;
  std::map<Key, std::vector<IslandPair>> found;
  for_each_pair(view, [&](IslandId from, IslandId to, const PairFigures& pair) {
    found[{view.group_of(from), view.group_of(to), pair}].push_back({from, to});
  });
  std::vector<PairKind> kinds;
  for (auto& [key, pairs] : found) kinds.push_back({std::get<2>(key), std::move(pairs)});
  return kinds;
}

}  // namespace strait
