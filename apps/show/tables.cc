#include "apps/show/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "apps/output/human.h"
#include "apps/output/table.h"
#include "apps/show/pair_kinds.h"
#include "core/base/quantities.h"
#include "core/base/text.h"

namespace strait {
namespace {

constexpr std::size_t kMostPairRows = 32;

std::string product_text(const PairRange& range) {
  const auto text = [](Bytes product) {
    return product == kUnlimited.value ? std::string("inf") : human_bytes(product);
  };
  const std::string low = text(range.product_low), high = text(range.product_high);
  return low == high ? low : low + " to " + high;
}

class PairRows {
 public:
  explicit PairRows(const NetworkView& view) : view_(view) {}

  void row(const std::string& from, const std::string& to, const PairRange& range,
           const std::string& shared) {
    const std::string low = loss_text(range.low.loss_ppm), high = loss_text(range.high.loss_ppm);
    table_.row({from, to, rtt_text(range), rate_text(range), product_text(range),
                low == high ? high : fmt::format("{} to {}", low.empty() ? "0" : low, high),
                shared});
  }

  std::string shared_text(const std::vector<int>& links) const {
    std::vector<std::string> names;
    for (const int link : links) names.push_back(view_.link_label(link));
    return join(names, ", ");
  }

  std::string text() const { return table_.text(); }

 private:
  const NetworkView& view_;
  Table table_{{{"from"},
                {"to"},
                {"round trip", Align::kRight},
                {"rate", Align::kRight},
                {"bandwidth x delay", Align::kRight},
                {"loss", Align::kRight},
                {"bottlenecks"}}};
};

/// The range of all pairs with the same key.
template <class KeyOf>
auto ranges(const NetworkView& view, KeyOf key_of) {
  std::map<decltype(key_of(0, 0)), PairRange> found;
  for_each_pair(view, [&](IslandId from, IslandId to, const PairFigures& pair) {
    const auto [at, first] = found.try_emplace(key_of(from, to), pair);
    if (!first) at->second.add(pair);
  });
  return found;
}

std::string group_name(const NetworkView::Group& group) {
  return group.name.empty() ? "(no region)" : group.name;
}

std::string ranges_table(const NetworkView& view) {
  PairRows rows(view);
  if (view.groups().size() > 1) {
    const auto by_region = ranges(view, [&](IslandId from, IslandId to) {
      return std::pair(view.group_of(from), view.group_of(to));
    });
    if (by_region.size() <= kMostPairRows) {
      for (const auto& [groups, range] : by_region) {
        rows.row(group_name(view.groups()[groups.first]), group_name(view.groups()[groups.second]),
                 range, "");
      }
      return rows.text();
    }
  }
  const auto by_sender = ranges(view, [](IslandId from, IslandId) { return from; });
  for (const auto& [from, range] : by_sender) rows.row(view.label(from), "all others", range, "");
  return rows.text();
}

/// ".up" and ".down" of an access link, ">" of a pair's; empty for what many share.
std::string way_of(const NetworkView& view, int link) {
  const std::string& name = view.network().links[static_cast<std::size_t>(link)].name;
  const auto point = name.find('.');
  if (view.is_shared(link)) return "";
  return point == std::string::npos ? ">" : name.substr(point);
}

std::string mean_rate(const LinkTrace& trace) {
  // The last row of a trace that is played once has no end: it counts as long as it holds here.
  const Nanos end = trace.period > Nanos{0} ? trace.period : trace.rows.back().time;
  BytesPerSecond rate = kUnlimited;
  double bytes = 0;
  for (std::size_t i = 0; i < trace.rows.size(); ++i) {
    rate = trace.rows[i].rate.value_or(rate);
    const Nanos next = i + 1 < trace.rows.size() ? trace.rows[i + 1].time : end;
    if (rate == kUnlimited) return "";
    bytes += seconds(next - trace.rows[i].time) * static_cast<double>(rate.value);
  }
  if (end == Nanos{0}) return format_rate(rate);
  return fmt::format("{:.3g}mbit", bytes / seconds(end) * 8e-6);
}

}  // namespace

std::string traces_table(const NetworkView& view) {
  // The same file on several links is one row.
  std::map<std::string, std::pair<const LinkTrace*, std::vector<std::string>>> files;
  for (const LinkTrace& trace : view.network().traces) {
    auto& [first, links] = files[trace.source];
    if (first == nullptr) first = &trace;
    links.push_back(
        fmt::format("{} from {}", view.link_label(trace.link), format_duration(trace.start)));
  }
  Table table({{"trace"},
               {"length", Align::kRight},
               {"steps", Align::kRight},
               {"mean rate", Align::kRight},
               {"links"}});
  for (const auto& [source, file] : files) {
    const LinkTrace& trace = *file.first;
    table.row({source, trace.period > Nanos{0} ? format_duration(trace.period) : "for good",
               fmt::format("{}", trace.rows.size()), mean_rate(trace), some_of(file.second)});
  }
  return files.empty() ? "" : table.text();
}

std::string links_table(const NetworkView& view) {
  const auto& links = view.network().links;
  struct Kind {
    std::vector<std::string> names;
    int first = 0;
    std::string changes;
  };
  std::vector<Kind> kinds;
  const auto alike = [&](const Kind& kind, int link, const std::string& changes) {
    const LinkSpec& one = links[static_cast<std::size_t>(kind.first)];
    const LinkSpec& other = links[static_cast<std::size_t>(link)];
    return way_of(view, kind.first) == way_of(view, link) && strait::alike(one, other) &&
           kind.changes == changes;
  };
  for (int link = 0; link < static_cast<int>(links.size()); ++link) {
    const std::string changes = view.changes(link);
    auto kind = std::find_if(kinds.begin(), kinds.end(),
                             [&](const Kind& other) { return alike(other, link, changes); });
    if (kind == kinds.end()) kind = kinds.insert(kind, {{}, link, changes});
    kind->names.push_back(view.link_label(link));
  }
  const bool queues =
      std::any_of(links.begin(), links.end(), [](const LinkSpec& link) { return link.queue > 0; });
  std::vector<Column> columns{{"link"},
                              {"rate", Align::kRight},
                              {"delay", Align::kRight},
                              {"loss", Align::kRight},
                              {"changes"}};
  if (queues) columns.insert(columns.end() - 1, {"queue", Align::kRight});
  Table table(std::move(columns));
  for (const Kind& kind : kinds) {
    const LinkSpec& link = links[static_cast<std::size_t>(kind.first)];
    std::vector<std::string> row{some_of(kind.names), format_rate(link.rate), delay_text(link),
                                 loss_text(link), kind.changes};
    if (queues) row.insert(row.end() - 1, link.queue > 0 ? format_bytes(link.queue) : "");
    table.row(row);
  }
  return table.text();
}

std::string pairs_table(const NetworkView& view) {
  const std::vector<PairKind> kinds = pair_kinds(view);
  if (kinds.size() > kMostPairRows) return ranges_table(view);
  PairRows rows(view);
  for (const PairKind& kind : kinds) {
    const auto [from, to] = ends_of(view, kind.pairs);
    rows.row(from, to, PairRange(kind.figures), rows.shared_text(kind.figures.shared));
  }
  return rows.text();
}

}  // namespace strait
