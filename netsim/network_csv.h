// The inside of read_network: the readers of the single files, and what they share.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "netsim/csv_rows.h"
#include "netsim/description.h"

namespace strait {

// --- values ---

BytesPerSecond read_rate(const CsvRow& row, std::string_view column);
Nanos read_delay(const CsvRow& row, std::string_view column);
/// Parts per million; an empty value is none.
std::int64_t read_loss(const CsvRow& row, std::string_view column);

/// What every kind of row says of a link: delay, loss, jitter, bursts and queue, by the columns of
/// these names. Without name and rate.
LinkSpec read_link(const CsvRow& row);
inline constexpr std::string_view kLinkColumns = "delay[,loss][,jitter][,bursts][,queue]";

/// A name that cannot be taken for something else in any file: letters, digits, - and _, and not
/// digits only.
void check_name(const CsvRow& row, std::string_view column, const std::string& name);

// --- who ---

/// Some islands: one, those of a region, or `*`.
struct Selector {
  enum class Kind { kAll, kRegion, kIsland };
  Kind kind = Kind::kAll;
  IslandId island = -1;
  std::string region;

  friend auto operator<=>(const Selector&, const Selector&) = default;
};

/// How files may call islands: by number, by name and by region.
class IslandNames {
 public:
  explicit IslandNames(std::span<const IslandSpec> islands);

  int count() const { return static_cast<int>(islands_.size()); }
  std::optional<IslandId> find(std::string_view text) const;

  /// Refuses the row if there is none.
  IslandId island(const CsvRow& row, std::string_view column, std::string_view text) const;
  Selector selector(const CsvRow& row, std::string_view column) const;

  bool taken(std::string_view name) const;  // by an island or a region
  bool matches(const Selector& selector, IslandId island) const;

  /// Empty if it has none.
  const std::string& region(IslandId island) const {
    return islands_[static_cast<std::size_t>(island)].region;
  }

  /// "run.islands = 3 makes 0 to 2", for messages.
  std::string numbers() const;

 private:
  std::span<const IslandSpec> islands_;
  std::map<std::string, IslandId, std::less<>> by_name_;
};

// --- the files ---

/// A named link that paths share.
struct Bottleneck {
  CsvRow row;
  LinkSpec link;
  std::optional<Selector> from, to;  // none: only paths whose row names it in `via`
};

std::vector<IslandSpec> read_islands(const std::string& path, int count);
std::vector<Bottleneck> read_bottlenecks(const std::string& path, const IslandNames& names);

/// Links and paths, without the bottlenecks. Access links come in the order of describe_network,
/// the links of pairs by (from, to). The result is which bottlenecks each path has in its `via`.
std::vector<std::vector<int>> read_links(const std::string& path, const IslandNames& names,
                                         const std::vector<Bottleneck>& bottlenecks,
                                         NetworkDescription& network);

/// Puts a link from each region to each other one into the paths, between the access links.
void add_region_links(const std::string& path, const IslandNames& names,
                      NetworkDescription& network);

/// Puts the bottlenecks behind the other links and into the paths. `path` is for messages.
void add_bottlenecks(const std::string& path, const IslandNames& names,
                     const std::vector<Bottleneck>& bottlenecks,
                     const std::vector<std::vector<int>>& via, NetworkDescription& network);

/// Events, traces and outages, into a network with links, paths and islands.
void read_events(const std::string& path, const IslandNames& names, NetworkDescription& network);

}  // namespace strait
