#include "netsim/fair_share.h"

#include <algorithm>

#include "core/base/check.h"

namespace strait {

LinkId FairShare::add_link(BytesPerSecond capacity) {
  STRAIT_CHECK(capacity.value > 0, "a link of {} bytes/s", capacity.value);
  links_.emplace_back().capacity = capacity.value;
  return static_cast<LinkId>(links_.size() - 1);
}

void FairShare::set_capacity(LinkId link, BytesPerSecond capacity) {
  STRAIT_CHECK(capacity.value > 0, "a link of {} bytes/s", capacity.value);
  links_[index_of(link)].capacity = capacity.value;
  mark_dirty(index_of(link));
}

void FairShare::add_flow(FlowId flow, std::span<const LinkId> path) {
  STRAIT_CHECK(path.size() <= kMaxHops, "a path of {} links", path.size());
  if (index_of(flow) >= flows_.size()) flows_.resize(index_of(flow) + 1);
  Flow& f = flows_[index_of(flow)];
  f = Flow{};
  for (const LinkId link : path) {
    // What has no limit never slows a flow down, so it needs no share.
    if (links_[index_of(link)].capacity == kNoLimit) continue;
    f.hops[f.hop_count++].link = index_of(link);
  }
}

void FairShare::remove_flow(FlowId flow) { set_active(flow, false); }

void FairShare::set_active(FlowId flow, bool active) {
  Flow& f = flows_[index_of(flow)];
  if (f.active == active) return;
  f.active = active;
  if (f.hop_count == 0) {
    f.rate = active ? kNoLimit : 0;
    if (active) changed_before_solve_.push_back(flow);
    return;
  }
  for (Hop& hop : f.path()) {
    Link& link = links_[hop.link];
    // Who leaves a link that is not full changes nobody's rate.
    if (active || link.level != kNoLimit) mark_dirty(hop.link);
    if (active) {
      hop.slot = static_cast<std::uint32_t>(link.active.size());
      link.active.push_back(flow);
      continue;
    }
    link.used -= f.rate;
    const FlowId last = link.active.back();
    link.active[hop.slot] = last;
    link.active.pop_back();
    for (Hop& moved : flows_[index_of(last)].path()) {
      if (moved.link == hop.link) moved.slot = hop.slot;
    }
  }
  if (!active) f.rate = 0;
}

void FairShare::mark_dirty(std::uint32_t link) {
  // in_region doubles as "already in dirty_" between two solves.
  if (links_[link].in_region) return;
  links_[link].in_region = true;
  dirty_.push_back(link);
}

std::span<const FlowId> FairShare::solve() {
  changed_.clear();
  for (const FlowId flow : changed_before_solve_) {
    if (active(flow)) changed_.push_back(flow);  // else it stopped again since
  }
  changed_before_solve_.clear();
  if (dirty_.empty()) return changed_;
  for (const std::uint32_t link : dirty_) links_[link].in_region = false;
  region_.clear();
  region_flows_.clear();
  for (const std::uint32_t link : dirty_) add_to_region(link);
  dirty_.clear();
  do {
    open_links();
    collect_caps();
    fill();
  } while (!neighbours_agree());
  adopt();
  return changed_;
}

void FairShare::add_to_region(std::uint32_t link) {
  links_[link].in_region = true;
  region_.push_back(link);
  for (const FlowId flow : links_[link].active) {
    Flow& f = flows_[index_of(flow)];
    if (f.in_region) continue;
    f.in_region = true;
    region_flows_.push_back(index_of(flow));
  }
}

void FairShare::open_links() {
  for (const std::uint32_t index : region_) {
    Link& link = links_[index];
    link.rest = link.capacity;
    link.open = static_cast<std::int64_t>(link.active.size());
    if (link.open > 0) link.share = std::max<std::int64_t>(1, link.rest / link.open);
  }
}

// What links outside the region grant: as much as their fastest flows have, if they are full. (One
// that is not full grants anything; if that turns out to be too much, it objects afterwards.)
void FairShare::collect_caps() {
  capped_.clear();
  for (const std::uint32_t index : region_flows_) {
    Flow& f = flows_[index];
    f.frozen = false;
    std::int64_t cap = kNoLimit;
    for (const Hop& hop : f.path()) {
      const Link& link = links_[hop.link];
      if (!link.in_region) cap = std::min(cap, link.level);
    }
    if (cap != kNoLimit) capped_.push_back({cap, index});
  }
  std::sort(capped_.begin(), capped_.end(), [](const Capped& a, const Capped& b) {
    return a.cap != b.cap ? a.cap < b.cap : a.flow < b.flow;
  });
}

// Progressive filling: raise all flows together; the link that is full first stops its flows there,
// then the next one. Shares only grow on the way, so a flow whose cap lies below the smallest share
// can stop at its cap.
void FairShare::fill() {
  std::size_t next_capped = 0;
  for (;;) {
    const std::uint32_t tightest = tightest_link();
    if (tightest == UINT32_MAX) return;  // every flow of the region is on one of its links
    Link& link = links_[tightest];
    const std::size_t before = next_capped;
    freeze_capped(next_capped, link.share);
    if (next_capped != before) continue;
    const std::int64_t share = link.share;
    for (const FlowId flow : link.active) {
      if (!flows_[index_of(flow)].frozen) freeze(index_of(flow), share);
    }
  }
}

void FairShare::freeze_capped(std::size_t& next, std::int64_t limit) {
  for (; next < capped_.size() && capped_[next].cap <= limit; ++next) {
    if (!flows_[capped_[next].flow].frozen) freeze(capped_[next].flow, capped_[next].cap);
  }
}

void FairShare::freeze(std::uint32_t flow, std::int64_t rate) {
  Flow& f = flows_[flow];
  f.frozen = true;
  f.trial_rate = rate;
  for (const Hop& hop : f.path()) {
    Link& link = links_[hop.link];
    if (!link.in_region) continue;
    link.rest -= rate;
    if (--link.open > 0) link.share = std::max<std::int64_t>(1, link.rest / link.open);
  }
}

std::uint32_t FairShare::tightest_link() const {
  std::uint32_t best = UINT32_MAX;
  std::int64_t share = kNoLimit;
  for (const std::uint32_t index : region_) {
    const Link& link = links_[index];
    if (link.open == 0 || link.share >= share) continue;
    share = link.share;
    best = index;
  }
  return best;
}

// True if every link next to the region is content with the new rates; the others join the region.
bool FairShare::neighbours_agree() {
  touched_.clear();
  for (const std::uint32_t index : region_flows_) {
    const Flow& f = flows_[index];
    if (f.trial_rate == f.rate) continue;
    for (const Hop& hop : f.path()) {
      Link& link = links_[hop.link];
      if (link.in_region) continue;
      if (!link.touched) {
        link.touched = true;
        link.trial_used = link.used;
        link.trial_fastest = link.fastest;
        touched_.push_back(hop.link);
      }
      link.trial_used += f.trial_rate - f.rate;
      if (link.level == kNoLimit) continue;
      link.trial_fastest += (f.trial_rate == link.level) - (f.rate == link.level);
    }
  }
  bool all_agree = true;
  for (const std::uint32_t index : touched_) {
    links_[index].touched = false;
    if (holds(links_[index])) continue;
    all_agree = false;
    add_to_region(index);
  }
  return all_agree;
}

// Not more than the capacity, and on a full link no room to raise all of its fastest flows.
bool FairShare::holds(const Link& link) const {
  const std::int64_t slack = link.capacity - link.trial_used;
  if (link.level == kNoLimit) return slack >= 0;
  return (slack >= 0 || link.level == 1) && slack < link.trial_fastest;
}

void FairShare::adopt() {
  for (const std::uint32_t index : touched_) {
    links_[index].used = links_[index].trial_used;
    links_[index].fastest = links_[index].trial_fastest;
  }
  for (const std::uint32_t index : region_flows_) {
    Flow& f = flows_[index];
    f.in_region = false;
    if (f.trial_rate == f.rate) continue;
    f.rate = f.trial_rate;
    changed_.push_back(static_cast<FlowId>(index));
  }
  for (const std::uint32_t index : region_) classify(links_[index]);
}

void FairShare::classify(Link& link) {
  link.in_region = false;
  link.used = 0;
  std::int64_t top = 0, fastest = 0;
  for (const FlowId flow : link.active) {
    const std::int64_t rate = flows_[index_of(flow)].rate;
    link.used += rate;
    if (rate > top) fastest = 0;
    top = std::max(top, rate);
    fastest += rate == top;
  }
  const bool full = link.capacity - link.used < fastest;
  link.level = full ? top : kNoLimit;
  link.fastest = full ? fastest : 0;
}

}  // namespace strait
