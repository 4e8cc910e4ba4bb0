// Links that change while bytes are under way: times worked out by hand. As in link_model_test.cc,
// links carry one byte per microsecond and the path delay is 50 ms, the RTT 100 ms.
#include <algorithm>
#include <utility>

#include "netsim/ideal_links.h"
#include "tests/sim/model_world.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

constexpr Nanos us(std::int64_t n) { return Nanos{n * 1'000}; }

ModelWorld two_places(const TcpOptions& tcp = ideal_tcp()) {
  ModelWorld world(tcp);
  world.add_place(kByteAMicrosecond, kByteAMicrosecond, ms(25));
  world.add_place(kByteAMicrosecond, kByteAMicrosecond, ms(25));
  return world;
}

TEST_CASE("another rate counts from its moment on", "[changes]") {
  ModelWorld world = two_places();
  const auto flow = world.connect(0, 1).forward;
  world.model.offer(flow, 1'000'000, Nanos{0});
  world.run_until(ms(600));
  world.model.set_rate(ModelWorld::up(0), {500'000}, ms(600));
  world.run_until(ms(1'000));
  world.model.set_rate(ModelWorld::up(0), {2'000'000}, ms(1'000));
  world.run_until_idle();
  // 500,000 by 600 ms, 200,000 by 1000 ms, the rest at the rate of the other link.
  CHECK(world.departure(flow, 1'000'000) == ms(1'000) + ms(300));
  CHECK(world.model.counters(ModelWorld::up(0)).busy == ms(1'200));
}

TEST_CASE("a link may lose its limit and get one again", "[changes]") {
  ModelWorld world = two_places();
  world.add_place(kUnlimited, kUnlimited, ms(25));
  const auto a = world.connect(0, 2).forward, b = world.connect(0, 2).forward;
  world.model.offer(a, 300'000, Nanos{0});
  world.model.offer(b, 300'000, Nanos{0});
  world.run_until(ms(200));  // 50,000 each
  world.model.set_rate(ModelWorld::down(2), {200'000}, ms(200));
  world.run_until(ms(700));  // 50,000 more
  world.model.set_rate(ModelWorld::down(2), kUnlimited, ms(700));
  world.run_until(ms(900));  // 100,000 more
  world.model.set_rate(ModelWorld::up(0), kUnlimited, ms(900));
  world.run_until_idle();
  CHECK(world.departure(a, 300'000) == ms(900));
  CHECK(world.departure(b, 300'000) == ms(900));
  CHECK(world.model.counters(ModelWorld::up(0)).busy == ms(800));
  CHECK(world.model.counters(ModelWorld::down(2)).busy == ms(500));
}

TEST_CASE("bytes of a flow arrive in order when the delay falls", "[changes]") {
  ModelWorld world = two_places();
  const auto flow = world.connect(0, 1).forward;
  const auto other = world.connect(0, 1).forward;
  world.run_until(ms(200));
  world.model.offer(flow, 1'000, ms(200));
  world.run_until(ms(210));
  world.model.set_delay(ModelWorld::down(1), Nanos{0}, ms(210));
  world.model.offer(flow, 1'000, ms(210));
  world.run_until(ms(211));
  world.model.offer(other, 1'000, ms(211));
  world.run_until(ms(300));
  world.model.offer(flow, 1'000, ms(300));
  world.run_until_idle();
  CHECK(world.arrival(flow, 1'000) == ms(251));   // left before: still 50 ms
  CHECK(world.arrival(flow, 2'000) == ms(251));   // left at 211 ms; would be there at 236
  CHECK(world.arrival(other, 1'000) == ms(237));  // another flow overtakes
  CHECK(world.arrival(flow, 3'000) == ms(326));
}

TEST_CASE("another delay is another round trip for windows that wait", "[changes]") {
  // 20,000 bytes per round: the rounds begin at 100, 200, 300 ms; something changes in the first.
  const auto third_round = [](Nanos at, Nanos delay) {
    TcpOptions tcp = ideal_tcp();
    tcp.window_cap = 20'000;
    ModelWorld world = two_places(tcp);
    const auto flow = world.connect(0, 1).forward;
    world.model.offer(flow, 60'000, Nanos{0});
    world.run_until(at);
    world.model.set_delay(ModelWorld::up(0), delay, at);
    world.run_until_idle();
    CHECK(world.arrival(flow, 60'000) == world.departure(flow, 60'000) + ms(25) + delay);
    return world.departure(flow, 60'000) - ms(20);
  };
  CHECK(third_round(ms(150), ms(25)) == ms(300));
  CHECK(third_round(ms(150), ms(75)) == ms(100) + ms(150) + ms(150));
  CHECK(third_round(ms(150), Nanos{0}) == ms(100) + ms(75) + ms(75));
  CHECK(third_round(ms(190), Nanos{0}) == ms(190) + ms(75));           // over by then: ends now
  CHECK(third_round(ms(110), ms(75)) == ms(100) + ms(150) + ms(150));  // while it sends
}

TEST_CASE("a silent end is an outage of its connection alone", "[changes]") {
  ModelWorld world = two_places();
  const auto silent = world.connect(0, 1), other = world.connect(0, 1);
  world.model.offer(silent.forward, 100'000, Nanos{0});
  world.model.offer(other.forward, 100'000, Nanos{0});
  world.run_until(ms(150));  // 25,000 each
  world.model.set_silent(silent, true, ms(150));
  world.run_until(ms(300));
  world.model.set_silent(silent, false, ms(300));
  world.run_until_idle();
  CHECK(world.departure(other.forward, 100'000) == ms(150) + ms(75));
  // The timer (300 ms) that began with the silence fires at 450.
  CHECK(world.departure(silent.forward, 100'000) == ms(450) + ms(75));
}

// --- loss ---

/// Place 0's uplink loses; the connection's key is 11.
struct LossyWorld : ModelWorld {
  Links::Connection ends;

  explicit LossyWorld(std::int64_t ppm, TcpOptions tcp = ideal_tcp()) : ModelWorld(tcp) {
    model.add_link({kByteAMicrosecond, ms(25), ppm, "0.up"});
    for (int i = 0; i < 3; ++i) model.add_link({kByteAMicrosecond, ms(25)});
    const LinkId forward[] = {up(0), down(1)}, backward[] = {up(1), down(0)};
    ends = model.connect(forward, backward, Nanos{0}, 11);
    run_until(ms(1'000));
  }

  static FlowLoss same_losses(std::int64_t ppm) {
    FlowLoss loss;
    loss.set(0, LossOdds(ppm), 1, "0.up", 22);
    return loss;
  }
};

TEST_CASE("a lost segment arrives one round trip later per loss", "[changes]") {
  LossyWorld world(300'000);
  FlowLoss losses = LossyWorld::same_losses(300'000);
  Bytes sum = 0, again = 0;
  int delayed = 0;
  for (std::int64_t i = 1; i <= 60; ++i) {
    const Nanos at = ms(10'000 * i);
    world.run_until(at);
    world.model.offer(world.ends.forward, 1'000, at);
    world.run_until(at + ms(9'000));
    sum += 1'000;
    int tries = 0;
    losses.send(1, [&](const FlowLoss::Lost& lost) { tries = lost.tries; });
    CHECK(world.departure(world.ends.forward, sum) == at + ms(1));
    CHECK(world.arrival(world.ends.forward, sum) == at + ms(1) + ms(50) + tries * ms(100));
    again += 1'000 * tries;
    delayed += tries > 0;
  }
  CHECK(delayed > 5);
  CHECK(world.model.counters(ModelWorld::up(0)).retransmitted == again);
  CHECK(world.model.counters(ModelWorld::up(0)).entered.retransmitted == again);
  CHECK(world.model.counters(ModelWorld::down(1)).retransmitted == 0);  // lost before it
  CHECK(world.model.counters(ModelWorld::up(0)).payload == sum);
}

TEST_CASE("losses of one round trip cost one, repaired ones cost nothing", "[changes]") {
  // Segments of 1448 bytes leave one after the other, 1448 us each.
  for (const auto& [segments, ppm] :
       {std::pair<std::int64_t, std::int64_t>{30, 300'000}, {1'000, 100'000}}) {
    LossyWorld world(ppm);
    FlowLoss losses = LossyWorld::same_losses(ppm);
    world.model.offer(world.ends.forward, 1'448 * segments, ms(1'000));
    world.run_until_idle();
    Nanos expected = ms(1'000) + us(1'448 * segments) + ms(50);
    const Nanos without = expected;
    int lost = 0;
    losses.send(segments, [&](const FlowLoss::Lost& l) {
      const Nanos left = ms(1'000) + us(1'448 * (l.segment + 1));
      expected = std::max(expected, left + ms(50) + l.tries * ms(100));
      ++lost;
    });
    INFO(segments << " segments, " << lost << " losses");
    CHECK(lost > 0);
    CHECK(world.arrival(world.ends.forward, 1'448 * segments) == expected);
    if (segments == 1'000) CHECK(expected < without + ms(400));
    CHECK(world.model.counters(ModelWorld::up(0)).retransmitted == 1'448 * lost);
  }
}

TEST_CASE("what follows a lost segment waits for it", "[changes]") {
  LossyWorld world(500'000);
  world.model.offer(world.ends.forward, 1'448, ms(1'000));
  Bytes offered = 1'448;
  for (int i = 0; i < 40; ++i) {
    const Nanos at = ms(1'010 + 10 * i);
    world.run_until(at);
    world.model.offer(world.ends.forward, 100, at);
    offered += 100;
  }
  world.run_until_idle();
  Nanos last{0};
  Bytes arrived = 0;
  int together = 0;
  for (const Happening& h : world.log) {
    if (h.what != Happening::What::kArrived) continue;
    CHECK(h.time >= last);
    CHECK(h.payload > arrived);
    CHECK(h.time >= world.departure(h.flow, h.payload) + ms(50));
    together += h.time == last;
    last = h.time;
    arrived = h.payload;
  }
  CHECK(arrived == offered);
  CHECK(together > 5);
}

TEST_CASE("loss may begin and end while a connection lives", "[changes]") {
  LossyWorld world(0);
  auto one_more = [&, sum = Bytes{0}](Nanos at) mutable {
    world.run_until(at);
    sum += 100'000;
    world.model.offer(world.ends.forward, 100'000, at);
    world.run_until(at + ms(5'000));
    return world.arrival(world.ends.forward, sum) - at;
  };
  CHECK(one_more(ms(10'000)) == ms(150));
  world.model.set_loss(ModelWorld::up(0), 900'000, ms(15'000));
  CHECK(one_more(ms(20'000)) > ms(250));
  world.model.set_loss(ModelWorld::up(0), 0, ms(25'000));
  CHECK(one_more(ms(60'000)) == ms(150));
}

// --- paths of several links ---

TEST_CASE("flows share a bottleneck between their access links", "[changes]") {
  // 0 -> 1 and 2 -> 3 pass the bottleneck of half a byte per microsecond, 0 -> 2 does not.
  ModelWorld world = two_places();
  world.add_place(kByteAMicrosecond, kByteAMicrosecond, ms(25));
  world.add_place(kByteAMicrosecond, kByteAMicrosecond, ms(25));
  const LinkId cable = world.model.add_link({{500'000}, Nanos{0}, 0, "cable"});
  const auto via_cable = [&](int from, int to) {
    const LinkId forward[] = {ModelWorld::up(from), cable, ModelWorld::down(to)};
    const LinkId backward[] = {ModelWorld::up(to), ModelWorld::down(from)};
    return world.model.connect(forward, backward, Nanos{0}).forward;
  };
  const FlowId a = via_cable(0, 1), b = via_cable(2, 3), c = world.connect(0, 2).forward;
  world.model.offer(a, 100'000, Nanos{0});
  world.model.offer(b, 200'000, Nanos{0});
  world.model.offer(c, 600'000, Nanos{0});
  world.run_until_idle();
  // a and b get 0.25 each, c the 0.75 that a leaves of their uplink. After 400 ms a is done: b has
  // 100,000 left at 0.5, c 300,000 at 1.
  CHECK(world.departure(a, 100'000) == ms(100) + ms(400));
  CHECK(world.departure(b, 200'000) == ms(100) + ms(600));
  CHECK(world.departure(c, 600'000) == ms(100) + ms(700));
  CHECK(world.model.counters(cable).payload == 300'000);
  CHECK(world.model.counters(cable).busy == ms(600));
}

TEST_CASE("a path of four links goes at the rate of the narrowest and sums the delays",
          "[changes]") {
  ModelWorld world = two_places();
  const LinkId sea = world.model.add_link({{400'000}, ms(30), 0, "sea"});
  const LinkId land = world.model.add_link({{200'000}, ms(10), 0, "land"});
  const LinkId forward[] = {ModelWorld::up(0), sea, land, ModelWorld::down(1)};
  const LinkId backward[] = {ModelWorld::up(1), land, sea, ModelWorld::down(0)};
  const auto ends = world.model.connect(forward, backward, Nanos{0});
  world.model.offer(ends.forward, 100'000, Nanos{0});
  world.run_until_idle();
  CHECK(world.time_of(Happening::What::kOpened, ends.forward) == ms(180));
  CHECK(world.departure(ends.forward, 100'000) == ms(180) + ms(500));
  CHECK(world.arrival(ends.forward, 100'000) == ms(680) + ms(90));
  // A link in both directions of a connection that goes down is one outage of it.
  world.model.set_up(land, false, ms(1'000));
  world.model.offer(ends.forward, 20'000, ms(1'000));
  world.run_until(ms(1'100));
  world.model.set_up(land, true, ms(1'100));
  world.run_until_idle();
  CHECK(world.departure(ends.forward, 120'000) == ms(1'000) + ms(380) + ms(100));
}

}  // namespace
}  // namespace strait
