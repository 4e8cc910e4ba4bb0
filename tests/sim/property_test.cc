// Properties of the link model that hold for all inputs, over random ones.
#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

#include "core/base/rng.h"
#include "tests/sim/model_world.h"
#include "tests/support/seed.h"

namespace strait {
namespace {

constexpr CongestionControl kAll[] = {CongestionControl::kIdeal, CongestionControl::kCubic,
                                      CongestionControl::kReno, CongestionControl::kBbr};

/// Jitter, or bursts of loss, or neither.
LinkOptions rough(Rng& rng) {
  LinkOptions link;
  if (rng.below(2) == 0) link.jitter = ms(static_cast<std::int64_t>(rng.below(50)));
  if (rng.below(2) == 0) link.bursts = {1 + static_cast<std::int64_t>(rng.below(20'000)), 200'000};
  return link;
}

/// What the link has taken, and what has become of it by now.
void check_conserved(const Links& model, LinkId link) {
  const LinkCounters c = model.counters(link);
  const Bytes in_flight = model.in_flight(link);
  CHECK(in_flight >= 0);
  const bool ideal = c.acks == 0 && c.delivered + c.lost + in_flight == c.payload + c.header;
  if (!ideal) CHECK(c.everything() == c.delivered + c.dropped + c.lost + in_flight);
}

TEST_CASE("a link's bytes are delivered, in flight or lost at every moment", "[link]") {
  const std::uint64_t seed = test_seed();
  const TcpOptions tcp{.congestion = GENERATE(from_range(std::begin(kAll), std::end(kAll)))};
  for (std::uint64_t round = 0; round < 20; ++round) {
    INFO("--rng-seed " << seed << ", round " << round);
    Rng rng(seed, "conservation", round);
    ModelWorld world(tcp);
    for (int place = 0; place < 3; ++place) {
      world.add_place(megabits(static_cast<std::int64_t>(1 + rng.below(50))),
                      megabits(static_cast<std::int64_t>(1 + rng.below(50))),
                      ms(static_cast<std::int64_t>(rng.below(40))),
                      {.jitter = ms(static_cast<std::int64_t>(rng.below(50)))});
    }
    std::vector<Links::Connection> connections;
    for (int from = 0; from < 3; ++from) {
      for (int to = 0; to < 3; ++to) {
        if (from != to) connections.push_back(world.connect(from, to));
      }
    }
    std::vector<Bytes> offered(connections.size());
    for (std::int64_t step = 1; step < 100; ++step) {
      world.run_until(ms(20 * step));
      const std::size_t which = rng.below(connections.size());
      const Bytes bytes = static_cast<Bytes>(1 + rng.below(60'000));
      world.model.offer(connections[which].forward, bytes, ms(20 * step));
      offered[which] += bytes;
      for (std::uint32_t l = 0; l < 6; ++l) {
        check_conserved(world.model, static_cast<LinkId>(l));
      }
    }
    world.run_until_idle();
    Bytes all = 0, up = 0, down = 0;
    for (std::size_t i = 0; i < connections.size(); ++i) {
      CHECK(world.arrival(connections[i].forward, offered[i]) != kNever);
      all += offered[i];
    }
    for (int place = 0; place < 3; ++place) {
      up += world.model.counters(ModelWorld::up(place)).payload;
      down += world.model.counters(ModelWorld::down(place)).payload;
    }
    CHECK(up == all);
    CHECK(down == all);
  }
}

TEST_CASE("every byte arrives in the end, through any outages", "[link]") {
  const std::uint64_t seed = test_seed();
  const TcpOptions tcp{.congestion = GENERATE(from_range(std::begin(kAll), std::end(kAll)))};
  for (std::uint64_t round = 0; round < 50; ++round) {
    INFO("--rng-seed " << seed << ", round " << round);
    Rng rng(seed, "outages", round);
    ModelWorld world(tcp);
    for (int place = 0; place < 3; ++place) {
      world.add_place(megabits(static_cast<std::int64_t>(1 + rng.below(50))),
                      rng.below(3) == 0 ? kUnlimited : megabits(10),
                      ms(static_cast<std::int64_t>(rng.below(40))), rough(rng));
    }
    std::vector<FlowId> flows;
    std::vector<Bytes> offered(12);
    std::vector<bool> up(6, true);
    Nanos now{0};
    for (int step = 0; step < 200; ++step) {
      now += Nanos{static_cast<std::int64_t>(rng.below(2) ? rng.below(100'000'000) : 0)};
      world.run_until(now);
      const std::size_t which = rng.below(12);
      if (which < 6) {
        up[which] = !up[which];
        world.model.set_up(static_cast<LinkId>(which), up[which], now);
      } else if (flows.size() < offered.size()) {
        const int from = static_cast<int>(rng.below(3));
        flows.push_back(world.connect(from, (from + 1) % 3, now).forward);
      }
      if (flows.empty()) continue;
      const std::size_t flow = rng.below(flows.size());
      const auto bytes = static_cast<Bytes>(1 + rng.below(100'000));
      world.model.offer(flows[flow], bytes, now);
      offered[flow] += bytes;
    }
    for (std::uint32_t l = 0; l < 6; ++l) {
      if (!up[l]) world.model.set_up(static_cast<LinkId>(l), true, now);
    }
    world.run_until_idle();
    for (std::size_t i = 0; i < flows.size(); ++i) {
      if (offered[i] > 0) CHECK(world.arrival(flows[i], offered[i]) != kNever);
    }
  }
}

TEST_CASE("a link is busy for as long as its bytes need at its rate", "[link]") {
  // One uplink is the only bottleneck, so it is never busy at less than its rate.
  const std::uint64_t seed = test_seed();
  Rng rng(seed, "busy");
  INFO("--rng-seed " << seed);
  TcpOptions tcp = ideal_tcp();
  tcp.header = 66;
  ModelWorld world(tcp);
  world.add_place(megabits(10), megabits(10), ms(5));
  world.add_place(kUnlimited, kUnlimited, ms(15));
  std::vector<FlowId> flows;
  for (int i = 0; i < 8; ++i) flows.push_back(world.connect(0, 1).forward);
  for (std::int64_t step = 1; step < 200; ++step) {
    world.run_until(ms(step));
    world.model.offer(flows[rng.below(8)], static_cast<Bytes>(1 + rng.below(5'000)), ms(step));
  }
  world.run_until_idle();
  const LinkCounters c = world.model.counters(ModelWorld::up(0));
  const Nanos needed = transfer_time(c.payload + c.header, megabits(10));
  CHECK(c.busy >= needed - Nanos{1'000});
  CHECK(c.busy <= needed + Nanos{100'000});  // shares are rounded down to whole bytes per second
}

/// A random life of a few connections on links that change all the time.
class RoughLife {
 public:
  RoughLife(Rng rng, const TcpOptions& tcp) : rng_(rng), world_(tcp) {
    for (std::uint32_t link = 0; link < kLinks; ++link) {
      world_.model.add_link({rate(), delay(), loss(), std::to_string(link), queue()});
    }
  }

  void step() {
    now_ += Nanos{static_cast<std::int64_t>(rng_.below(2) ? rng_.below(60'000'000) : 0)};
    world_.run_until(now_);
    const auto link = static_cast<LinkId>(rng_.below(kLinks));
    const std::size_t which = rng_.below(kPlaces);
    Life& life = lives_[which];
    switch (rng_.below(12)) {
      case 0: return world_.model.set_rate(link, rate(), now_);
      case 1: return world_.model.set_delay(link, delay(), now_);
      case 2: return world_.model.set_loss(link, loss(), now_);
      case 3: return toggle(link);
      case 4: return silence(life);
      case 5: return end(life);
      default: return use(life, static_cast<int>(which));
    }
  }

  /// Everything that may go on goes on, to its end.
  void finish() {
    for (std::uint32_t l = 0; l < kLinks; ++l) {
      if (down_[l]) toggle(static_cast<LinkId>(l));
    }
    for (Life& life : lives_) {
      if (life.silent) silence(life);
    }
    world_.run_until_idle();
  }

  void check_links() const {
    for (std::uint32_t l = 0; l < kLinks; ++l) {
      check_conserved(world_.model, static_cast<LinkId>(l));
    }
  }

  /// In order, no earlier than the light could, and all of what was not reset.
  void check_arrivals() const {
    std::map<FlowId, Happening> last;
    for (const Happening& h : world_.log) {
      if (h.what == Happening::What::kOpened) last.erase(h.flow);  // its number is used again
      if (h.what != Happening::What::kArrived) continue;
      const auto before = last.find(h.flow);
      if (before != last.end()) {
        CHECK(h.time >= before->second.time);
        CHECK(h.payload > before->second.payload);
      }
      last.insert_or_assign(h.flow, h);
    }
    for (const Life& life : lives_) {
      if (life.alive && life.offered > 0) CHECK(last[life.ends.forward].payload == life.offered);
    }
  }

  Bytes retransmitted() const {
    Bytes sum = 0;
    for (std::uint32_t l = 0; l < kLinks; ++l) {
      sum += world_.model.counters(static_cast<LinkId>(l)).retransmitted;
    }
    return sum;
  }

 private:
  static constexpr std::uint32_t kLinks = 8, kPlaces = 6;

  struct Life {
    Links::Connection ends;
    Bytes offered = 0;
    bool alive = false;
    bool silent = false;
  };

  BytesPerSecond rate() {
    if (rng_.below(4) == 0) return kUnlimited;
    return megabits(static_cast<std::int64_t>(1 + rng_.below(50)));
  }
  Nanos delay() {
    return rng_.below(4) == 0 ? Nanos{0} : ms(static_cast<std::int64_t>(rng_.below(40)));
  }
  Bytes queue() { return static_cast<Bytes>(3'000 + rng_.below(200'000)); }
  std::int64_t loss() { return rng_.below(2) ? 0 : static_cast<std::int64_t>(rng_.below(200'000)); }

  void toggle(LinkId link) {
    down_[index_of(link)] = !down_[index_of(link)];
    world_.model.set_up(link, !down_[index_of(link)], now_);
  }
  void silence(Life& life) {
    if (!life.alive) return;
    life.silent = !life.silent;
    world_.model.set_silent(life.ends, life.silent, now_);
  }
  void end(Life& life) {
    if (!life.alive || rng_.below(3) > 0) return;
    const bool opened = world_.model.established(life.ends.forward);
    if (opened && rng_.below(2) == 0) world_.model.reset(life.ends.forward, now_);
    world_.run_until(now_ += ms(static_cast<std::int64_t>(rng_.below(50))));
    world_.model.forget(life.ends, now_);
    life = {};
  }
  void use(Life& life, int which) {
    if (!life.alive) {
      // One to four links, none of them twice on a path.
      std::vector<LinkId> path;
      for (const std::uint32_t l : permutation(kLinks, rng_))
        path.push_back(static_cast<LinkId>(l));
      const std::size_t there = 1 + rng_.below(4), back = 1 + rng_.below(4);
      const std::span<const LinkId> links(path);
      life.ends = world_.model.connect(links.first(there), links.last(back), now_,
                                       static_cast<std::uint64_t>(which) + 10 * ++connections_);
      life.alive = true;
    }
    const auto bytes = static_cast<Bytes>(1 + rng_.below(rng_.below(4) == 0 ? 300'000 : 3'000));
    world_.model.offer(life.ends.forward, bytes, now_);
    life.offered += bytes;
  }

  Rng rng_;
  ModelWorld world_;
  Nanos now_{0};
  std::array<bool, kLinks> down_{};
  std::array<Life, kPlaces> lives_{};
  std::uint64_t connections_ = 0;
};

TEST_CASE("links that change in every way lose no byte and no order", "[link]") {
  const std::uint64_t seed = test_seed();
  const TcpOptions tcp{.congestion = GENERATE(from_range(std::begin(kAll), std::end(kAll)))};
  Bytes retransmitted = 0;
  for (std::uint64_t round = 0; round < 60; ++round) {
    INFO("--rng-seed " << seed << ", round " << round);
    RoughLife life(Rng(seed, "rough life", round), tcp);
    for (int step = 0; step < 300; ++step) {
      life.step();
      life.check_links();
    }
    life.finish();
    life.check_links();
    life.check_arrivals();
    retransmitted += life.retransmitted();
  }
  CHECK(retransmitted > 0);
}

struct Transfer {
  Bytes bytes;
  std::int64_t rate;
  Nanos delay;
  Bytes window;

  Nanos time() const {
    TcpOptions tcp{.congestion = CongestionControl::kIdeal};
    tcp.window_cap = window;
    ModelWorld world(tcp);
    world.add_place({rate}, kUnlimited, delay);
    world.add_place(kUnlimited, kUnlimited, delay);
    const FlowId flow = world.connect(0, 1).forward;
    world.model.offer(flow, bytes, Nanos{0});
    world.run_until_idle();
    return world.arrival(flow, bytes);
  }
};

TEST_CASE("a worse link or window never makes a transfer faster", "[link]") {
  const std::uint64_t seed = test_seed();
  for (std::uint64_t round = 0; round < 300; ++round) {
    INFO("--rng-seed " << seed << ", round " << round);
    Rng rng(seed, "monotonicity", round);
    const auto size = static_cast<Bytes>(1 + rng.below(std::uint64_t{1} << (1 + rng.below(24))));
    const Transfer usual{size, static_cast<std::int64_t>(10'000 + rng.below(50'000'000)),
                         Nanos{static_cast<std::int64_t>(rng.below(200'000'000))},
                         static_cast<Bytes>(1'448 + rng.below(4'000'000))};
    Transfer other = usual;
    const Nanos time = usual.time();
    CHECK(time >= transfer_time(usual.bytes, {usual.rate}) + 6 * usual.delay);
    other.rate /= 2;
    CHECK(other.time() >= time);
    other = usual;
    other.delay *= 2;
    CHECK(other.time() >= time);
    other = usual;
    other.window = std::max<Bytes>(1'448, other.window / 2);
    CHECK(other.time() >= time);
    other = usual;
    other.bytes *= 2;
    CHECK(other.time() >= time);
  }
}

}  // namespace
}  // namespace strait
