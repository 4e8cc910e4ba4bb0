#include "netsim/fair_share.h"

#include <algorithm>
#include <vector>

#include "core/base/rng.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"

namespace strait {
namespace {

using Path = std::vector<LinkId>;

/// FairShare beside a list of what it was told.
struct Shares {
  FairShare share;
  std::vector<std::int64_t> capacities;
  std::vector<Path> paths;
  std::vector<bool> active;

  LinkId link(std::int64_t capacity) {
    capacities.push_back(capacity);
    return share.add_link({capacity});
  }
  FlowId flow(const Path& path) {
    const auto id = static_cast<FlowId>(paths.size());
    share.add_flow(id, path);
    paths.push_back(path);
    active.push_back(false);
    return id;
  }
  void set(FlowId flow, bool on) {
    share.set_active(flow, on);
    active[index_of(flow)] = on;
  }
  std::int64_t rate(FlowId flow) const { return share.rate(flow).value; }

  std::int64_t used(std::size_t link) const {
    std::int64_t sum = 0;
    for (std::size_t f = 0; f < paths.size(); ++f) {
      if (active[f] && passes(f, link)) sum += rate(static_cast<FlowId>(f));
    }
    return sum;
  }
  bool passes(std::size_t flow, std::size_t link) const {
    return std::find(paths[flow].begin(), paths[flow].end(), static_cast<LinkId>(link)) !=
           paths[flow].end();
  }

  /// The definition of max-min fairness, up to the rounding to whole bytes per second: no link
  /// carries more than it can, and every flow has a link that is full and on which nobody is
  /// faster.
  void check_fair() const {
    std::vector<std::int64_t> fastest(capacities.size()), flows(capacities.size());
    for (std::size_t l = 0; l < capacities.size(); ++l) {
      CHECK(used(l) <= capacities[l]);
      for (std::size_t f = 0; f < paths.size(); ++f) {
        if (!active[f] || !passes(f, l)) continue;
        fastest[l] = std::max(fastest[l], rate(static_cast<FlowId>(f)));
        ++flows[l];
      }
    }
    for (std::size_t f = 0; f < paths.size(); ++f) {
      if (!active[f]) continue;
      const bool has_bottleneck = std::any_of(paths[f].begin(), paths[f].end(), [&](LinkId link) {
        const std::size_t l = index_of(link);
        return rate(static_cast<FlowId>(f)) == fastest[l] && capacities[l] - used(l) < flows[l];
      });
      CHECK(has_bottleneck);
    }
  }
};

TEST_CASE("what a slow flow leaves is shared by the others", "[share]") {
  Shares s;
  const LinkId wide = s.link(1000), narrow = s.link(100);
  const FlowId slow = s.flow({wide, narrow}), a = s.flow({wide}), b = s.flow({wide});
  for (const FlowId f : {slow, a, b}) s.set(f, true);
  CHECK(s.share.solve().size() == 3);
  CHECK(s.rate(slow) == 100);
  CHECK(s.rate(a) == 450);
  CHECK(s.rate(b) == 450);
  s.set(a, false);
  CHECK(s.share.solve().size() == 1);  // only b is touched
  CHECK(s.rate(b) == 900);
  CHECK(s.rate(a) == 0);
}

TEST_CASE("a change travels as far as it matters", "[share]") {
  // A chain: each flow shares one link with the next one. Capacities 10, 30, 50, 70.
  Shares s;
  const LinkId l[] = {s.link(10), s.link(30), s.link(50), s.link(70)};
  const FlowId f[] = {s.flow({l[0], l[1]}), s.flow({l[1], l[2]}), s.flow({l[2], l[3]})};
  for (const FlowId flow : f) s.set(flow, true);
  (void)s.share.solve();
  CHECK(s.rate(f[0]) == 10);
  CHECK(s.rate(f[1]) == 20);
  CHECK(s.rate(f[2]) == 30);
  s.set(f[0], false);
  CHECK(s.share.solve().size() == 2);
  CHECK(s.rate(f[1]) == 25);  // l[2] is shared evenly now
  CHECK(s.rate(f[2]) == 25);
}

TEST_CASE("no flow starves on a link that is too small to share", "[share]") {
  Shares s;
  const LinkId link = s.link(2);
  std::vector<FlowId> flows;
  for (int i = 0; i < 5; ++i) flows.push_back(s.flow({link}));
  for (const FlowId f : flows) s.set(f, true);
  (void)s.share.solve();
  for (const FlowId f : flows) CHECK(s.rate(f) == 1);
  for (int i = 0; i < 4; ++i) s.set(flows[static_cast<std::size_t>(i)], false);
  (void)s.share.solve();
  CHECK(s.rate(flows[4]) == 2);
}

TEST_CASE("a flow without limits is unlimited and disturbs nobody", "[share]") {
  Shares s;
  const LinkId open = s.share.add_link(kUnlimited);
  s.share.add_flow(FlowId{0}, {&open, 1});
  s.share.set_active(FlowId{0}, true);
  REQUIRE(s.share.solve().size() == 1);
  CHECK(s.share.rate(FlowId{0}) == kUnlimited);
}

TEST_CASE("random starts and stops always leave fair shares", "[share]") {
  const std::uint64_t seed = test_seed();
  INFO("--rng-seed " << seed);
  for (std::uint64_t round = 0; round < 20; ++round) {
    Rng rng(seed, "fair share", round);
    Shares s;
    const std::size_t links = 2 + rng.below(8);
    for (std::size_t i = 0; i < links; ++i) {
      // Often equal capacities, since ties are where rounding could hurt.
      s.link(static_cast<std::int64_t>(rng.below(2) ? 1'000'000 : 1'000 + rng.below(5'000'000)));
    }
    for (std::size_t i = 0; i < 24; ++i) {
      Path path;
      for (const std::uint32_t l : permutation(static_cast<std::uint32_t>(links), rng)) {
        if (path.size() < 1 + rng.below(3)) path.push_back(static_cast<LinkId>(l));
      }
      s.flow(path);
    }
    for (int step = 0; step < 60; ++step) {
      for (std::uint64_t i = 0; i < 1 + rng.below(3); ++i) {
        const auto f = static_cast<FlowId>(rng.below(s.paths.size()));
        s.set(f, !s.active[index_of(f)]);
      }
      (void)s.share.solve();
      s.check_fair();
    }
  }
}

}  // namespace
}  // namespace strait
