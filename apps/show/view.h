// What tables and pictures of a network have in common: how islands and links are called, which
// islands belong together, what a pair of islands is like, and what will change.
//
// Values; the description outlives the view.
#pragma once

#include <string>
#include <vector>

#include "netsim/description.h"

namespace strait {

/// From one island to another, or the range over several pairs.
struct PairFigures {
  Nanos rtt{0};
  BytesPerSecond rate = kUnlimited;  // of the narrowest link on the way there
  std::int64_t loss_ppm = 0;         // on the way there
  std::vector<int> shared{};         // the bottlenecks on the way there

  auto operator<=>(const PairFigures&) const = default;
};

/// What a sender has to have under way to fill the path; the largest number if nothing limits it.
Bytes bandwidth_delay_product(const PairFigures& pair);

struct PairRange {
  PairFigures low, high;            // of each figure by itself
  Bytes product_low, product_high;  // bandwidth x delay

  explicit PairRange(const PairFigures& only)
      : low(only),
        high(only),
        product_low(bandwidth_delay_product(only)),
        product_high(product_low) {}
  void add(const PairFigures& pair);
};

class NetworkView {
 public:
  /// Islands of one region; without a region: name is empty.
  struct Group {
    std::string name;
    std::vector<IslandId> islands;
  };

  explicit NetworkView(const NetworkDescription& network);

  const NetworkDescription& network() const { return network_; }
  int count() const { return network_.places; }
  const std::vector<Group>& groups() const { return groups_; }
  std::size_t group_of(IslandId island) const {
    return group_of_[static_cast<std::size_t>(island)];
  }
  bool has_access_links() const;

  /// "lyon", or "2" if the island has no name.
  std::string label(IslandId island) const;
  /// "lyon.up", "0>kyoto", "atlantic": as events.csv may call it.
  std::string link_label(int link) const;
  /// Not an access link, nor that of a single pair.
  bool is_shared(int link) const;

  /// "trace lte.up", "outages 30s/2s", "3 events", in a list; empty if nothing changes the link.
  std::string changes(int link) const;

  PairFigures pair(IslandId from, IslandId to) const;

 private:
  const NetworkDescription& network_;
  std::vector<Group> groups_;
  std::vector<std::size_t> group_of_;
};

/// "20ms", or "20ms to 45ms".
std::string rtt_text(const PairRange& range);
std::string rate_text(const PairRange& range);
/// "0.5%"; empty for none.
std::string loss_text(std::int64_t ppm);

}  // namespace strait
