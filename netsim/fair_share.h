// FairShare: how the flows that are sending share the links (max-min fairness; Bertsekas and
// Gallager, Data Networks, 6.5.2: progressive filling).
//
// A flow's rate is right if one of its links is its bottleneck: full, and no flow on it is faster.
// That is a local condition, so a change is solved locally: fill the links that changed, with what
// other links grant as caps; every neighbouring link whose own condition breaks by that joins the
// region, and the region is filled again. When no neighbour objects, the condition holds
// everywhere. Cost: the flows on the links of the region, which is the two links of the changed
// flow plus those that really notice (and at worst the whole connected component).
//
// Integer bytes per second: a share is rounded down, so a full link wastes less than 1 byte/s per
// flow. No flow gets less than 1 byte/s. No clock, no allocation once the vectors have grown.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/units.h"
#include "netsim/ids.h"

namespace strait {

class FairShare {
 public:
  /// Links on one path, at most. Two access links today; a pair's own link and a shared bottleneck
  /// fit as well.

  LinkId add_link(BytesPerSecond capacity);

  /// Another capacity; rates count again after the next solve(). A link that was without limit, or
  /// is now, holds for flows that are added from then on: the others have to be added anew.
  void set_capacity(LinkId link, BytesPerSecond capacity);

  /// Flows start idle. `flow` is new, or was removed before. `path` has no link twice.
  void add_flow(FlowId flow, std::span<const LinkId> path);
  void remove_flow(FlowId flow);

  /// Only active flows take part. Rates count again after the next solve().
  void set_active(FlowId flow, bool active);
  bool active(FlowId flow) const { return flows_[index_of(flow)].active; }

  /// Brings all rates up to date. Returns the active flows whose rate is another one now; the span
  /// holds until the next call. Costs nothing if nothing changed.
  std::span<const FlowId> solve();
  bool solved() const { return dirty_.empty() && changed_before_solve_.empty(); }

  /// As of the last solve(); kUnlimited if no link of the path limits it, 0 when idle.
  BytesPerSecond rate(FlowId flow) const { return {flows_[index_of(flow)].rate}; }

  /// Active flows on the link.
  std::size_t active_on(LinkId link) const { return links_[index_of(link)].active.size(); }

 private:
  static constexpr std::int64_t kNoLimit = kUnlimited.value;

  struct Link {
    std::int64_t capacity = 0;
    std::int64_t used = 0;          // sum of the rates of `active`
    std::int64_t level = kNoLimit;  // if full: the rate of its fastest flows, else no limit
    std::int64_t fastest = 0;       // if full: how many flows have that rate
    std::vector<FlowId> active;
    bool in_region = false;
    bool touched = false;  // a neighbour of the region whose trial figures count
    // While a region is filled:
    std::int64_t rest = 0;  // capacity not yet given away
    std::int64_t open = 0;  // flows without a rate yet
    std::int64_t share = 0;
    // If the rates of the region were adopted:
    std::int64_t trial_used = 0;
    std::int64_t trial_fastest = 0;
  };

  struct Hop {
    std::uint32_t link = 0;
    std::uint32_t slot = 0;  // where the flow stands in the link's `active`
  };

  struct Flow {
    std::array<Hop, kMaxHops> hops{};
    std::uint8_t hop_count = 0;
    bool active = false;
    bool in_region = false;
    bool frozen = false;  // has its rate in this filling
    std::int64_t rate = 0;
    std::int64_t trial_rate = 0;

    std::span<Hop> path() { return {hops.data(), hop_count}; }
    std::span<const Hop> path() const { return {hops.data(), hop_count}; }
  };

  struct Capped {
    std::int64_t cap;
    std::uint32_t flow;
  };

  void mark_dirty(std::uint32_t link);
  void add_to_region(std::uint32_t link);
  void open_links();
  void collect_caps();
  void fill();
  void freeze(std::uint32_t flow, std::int64_t rate);
  void freeze_capped(std::size_t& next, std::int64_t limit);
  std::uint32_t tightest_link() const;
  bool neighbours_agree();
  bool holds(const Link& link) const;
  void adopt();
  void classify(Link& link);

  std::vector<Link> links_;
  std::vector<Flow> flows_;
  std::vector<std::uint32_t> dirty_;
  std::vector<std::uint32_t> region_;
  std::vector<std::uint32_t> region_flows_;
  std::vector<std::uint32_t> touched_;
  std::vector<Capped> capped_;
  std::vector<FlowId> changed_before_solve_;  // unlimited flows that started
  std::vector<FlowId> changed_;
};

}  // namespace strait
