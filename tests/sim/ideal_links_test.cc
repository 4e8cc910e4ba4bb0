// Transfer times worked out by hand. The links carry one byte per microsecond (8 Mbit/s) and the
// path delay is 50 ms (25 ms for each of the two access links), so the RTT is 100 ms and the
// bandwidth-delay product 100,000 bytes, unless a test says otherwise.
#include "netsim/ideal_links.h"

#include "tests/sim/model_world.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

constexpr Nanos us(std::int64_t n) { return Nanos{n * 1'000}; }

ModelWorld two_places(const TcpOptions& tcp) {
  ModelWorld world(tcp);
  world.add_place(kByteAMicrosecond, kByteAMicrosecond, ms(25));
  world.add_place(kByteAMicrosecond, kByteAMicrosecond, ms(25));
  return world;
}

TEST_CASE("an open window moves 1 MB in size over rate plus delay", "[link]") {
  ModelWorld world = two_places(ideal_tcp());
  const auto flow = world.connect(0, 1).forward;
  world.model.offer(flow, 1'000'000, Nanos{0});
  world.run_until_idle();
  // Handshake 100 ms, 10^6 bytes at one per microsecond, 50 ms on the way.
  CHECK(world.time_of(Happening::What::kOpened, flow) == ms(100));
  CHECK(world.departure(flow, 1'000'000) == ms(1100));
  CHECK(world.arrival(flow, 1'000'000) == ms(1150));
}

TEST_CASE("headers take link time and are counted apart", "[link]") {
  TcpOptions tcp = ideal_tcp();
  tcp.header = 66;
  ModelWorld world = two_places(tcp);
  const auto flow = world.connect(0, 1).forward;
  // 100 segments: 691 us for the payload of each, and 66 for its header.
  world.model.offer(flow, 144'800, Nanos{0});
  world.run_until_idle();
  CHECK(world.arrival(flow, 144'800) == ms(150) + us(144'800 + 6'600));
  const LinkCounters counters = world.model.counters(ModelWorld::up(0));
  CHECK(counters.payload == 144'800);
  CHECK(counters.header == 6'600);
  CHECK(counters.handshake == 74 + 66);
  CHECK(counters.busy == us(151'400));
  CHECK(world.model.counters(ModelWorld::up(1)).payload == 0);
  CHECK(world.model.counters(ModelWorld::up(1)).handshake == 74);
}

TEST_CASE("waiting offers share segments, an idle flow starts a new one", "[link]") {
  TcpOptions tcp = ideal_tcp();
  tcp.header = 66;
  ModelWorld world = two_places(tcp);
  const auto flow = world.connect(0, 1).forward;
  world.model.offer(flow, 100, Nanos{0});    // opens the first segment
  world.model.offer(flow, 1'348, Nanos{0});  // fills it
  world.model.offer(flow, 1, Nanos{0});      // opens the second
  world.run_until(ms(500));
  CHECK(world.model.counters(ModelWorld::up(0)).header == 2 * 66);
  world.model.offer(flow, 1, ms(500));
  world.run_until_idle();
  CHECK(world.model.counters(ModelWorld::up(0)).header == 3 * 66);
  CHECK(world.departure(flow, 100) == ms(100) + us(66 + 100));
  CHECK(world.departure(flow, 1'448) == ms(100) + us(66 + 1'448));
  CHECK(world.departure(flow, 1'449) == ms(100) + us(66 + 1'448 + 66 + 1));
}

TEST_CASE("two flows share a link until one of them is done", "[link]") {
  ModelWorld world(ideal_tcp());
  for (int place = 0; place < 3; ++place) {
    world.add_place(kByteAMicrosecond, kByteAMicrosecond, ms(25));
  }
  const auto a = world.connect(0, 1).forward;
  const auto b = world.connect(0, 2).forward;
  world.model.offer(a, 100'000, Nanos{0});
  world.model.offer(b, 300'000, Nanos{0});
  world.run_until_idle();
  // Half the rate each: a needs 200 ms. Then b has 200,000 bytes left at the full rate.
  CHECK(world.departure(a, 100'000) == ms(300));
  CHECK(world.departure(b, 300'000) == ms(500));
  CHECK(world.model.counters(ModelWorld::up(0)).busy == ms(400));
}

TEST_CASE("a flow that its other link slows down leaves the rest to others", "[link]") {
  ModelWorld world(ideal_tcp());
  world.add_place(kByteAMicrosecond, kByteAMicrosecond, ms(25));
  world.add_place(kByteAMicrosecond, BytesPerSecond{200'000}, ms(25));
  world.add_place(kByteAMicrosecond, kByteAMicrosecond, ms(25));
  const auto slow = world.connect(0, 1).forward;
  const auto fast = world.connect(0, 2).forward;
  world.model.offer(slow, 100'000, Nanos{0});
  world.model.offer(fast, 400'000, Nanos{0});
  world.run_until_idle();
  // 0.2 and 0.8 bytes per microsecond.
  CHECK(world.departure(slow, 100'000) == ms(600));
  CHECK(world.departure(fast, 400'000) == ms(600));
}

TEST_CASE("up and down rates are those of their directions", "[link]") {
  ModelWorld world(ideal_tcp());
  world.add_place(BytesPerSecond{500'000}, kByteAMicrosecond, ms(10));
  world.add_place(kUnlimited, kUnlimited, ms(40));
  const auto ends = world.connect(0, 1);
  world.run_until(ms(150));
  world.model.offer(ends.forward, 100'000, ms(150));
  world.model.offer(ends.backward, 100'000, ms(150));
  world.run_until_idle();
  CHECK(world.arrival(ends.forward, 100'000) == ms(150) + ms(200) + ms(50));
  CHECK(world.arrival(ends.backward, 100'000) == ms(150) + ms(100) + ms(50));
}

TEST_CASE("a capped window sends one window per round trip", "[link]") {
  TcpOptions tcp = ideal_tcp();
  tcp.window_cap = 20'000;
  ModelWorld world = two_places(tcp);
  const auto flow = world.connect(0, 1).forward;
  world.model.offer(flow, 210'000, Nanos{0});
  world.run_until_idle();
  // Ten rounds of 100 ms with 20,000 bytes each, 200,000 bytes/s, and 10,000 bytes in the last.
  CHECK(world.arrival(flow, 210'000) == ms(100) + 10 * ms(100) + ms(10) + ms(50));
  CHECK(world.model.counters(ModelWorld::up(0)).busy == ms(210));
}

TEST_CASE("an unlimited link still waits for the window", "[link]") {
  TcpOptions tcp = ideal_tcp();
  tcp.window_cap = 20'000;
  ModelWorld world(tcp);
  world.add_place(kUnlimited, kUnlimited, ms(25));
  world.add_place(kUnlimited, kUnlimited, ms(25));
  const auto flow = world.connect(0, 1).forward;
  world.model.offer(flow, 70'000, Nanos{0});
  world.run_until_idle();
  CHECK(world.arrival(flow, 70'000) == ms(100) + 3 * ms(100) + ms(50));
}

TEST_CASE("a connection within one place takes no time and no headers", "[link]") {
  TcpOptions tcp;
  ModelWorld world(tcp);
  const auto flow = world.model.connect({}, {}, ms(7)).forward;
  world.model.offer(flow, 1 << 30, ms(7));
  world.run_until_idle();
  CHECK(world.arrival(flow, 1 << 30) == ms(7));
}

TEST_CASE("a timer that doubles fires after 1, 3, 7 and 15 timeouts", "[link]") {
  const auto fires = [](Nanos now) { return first_firing(ms(1000), ms(300), ms(2000), now); };
  CHECK(fires(ms(1000)) == ms(1300));
  CHECK(fires(ms(1300)) == ms(1300));
  CHECK(fires(ms(1301)) == ms(1900));
  CHECK(fires(ms(2000)) == ms(3100));
  CHECK(fires(ms(3200)) == ms(5100));  // 2 s, not 2.4
  CHECK(fires(ms(5200)) == ms(7100));
}

TEST_CASE("an outage lasts until the next retransmission after it", "[link]") {
  ModelWorld world = two_places(ideal_tcp());
  const auto flow = world.connect(0, 1).forward;
  world.model.offer(flow, 1'000'000, Nanos{0});
  world.run_until(ms(600));
  // 500 ms at the full rate: 500,000 bytes have left.
  world.model.set_up(ModelWorld::up(0), false, ms(600));
  world.run_until(ms(1'600));
  world.model.set_up(ModelWorld::up(0), true, ms(1'600));
  world.run_until_idle();
  // The timer (300 ms) fires at 900 and 1500 in vain, and at 2700.
  CHECK(world.departure(flow, 1'000'000) == ms(2'700) + ms(500));
}

TEST_CASE("a flow stops as well when its acknowledgements cannot come back", "[link]") {
  ModelWorld world = two_places(ideal_tcp());
  const auto flow = world.connect(0, 1).forward;
  world.model.offer(flow, 100'000, Nanos{0});
  world.run_until(ms(150));
  world.model.set_up(ModelWorld::up(1), false, ms(150));
  world.run_until(ms(160));
  world.model.set_up(ModelWorld::up(1), true, ms(160));
  world.run_until_idle();
  CHECK(world.departure(flow, 100'000) == ms(150) + ms(300) + ms(50));
}

TEST_CASE("an idle flow meets the outage with its next offer", "[link]") {
  ModelWorld world = two_places(ideal_tcp());
  const auto ends = world.connect(0, 1);
  world.run_until(ms(1'000));
  world.model.set_up(ModelWorld::down(1), false, ms(1'000));
  world.run_until(ms(2'000));
  world.model.offer(ends.forward, 1'000, ms(2'000));
  world.run_until(ms(2'100));
  world.model.set_up(ModelWorld::down(1), true, ms(2'100));
  world.run_until_idle();
  CHECK(world.departure(ends.forward, 1'000) == ms(2'300) + us(1'000));
}

TEST_CASE("an outage between transfers changes nothing", "[link]") {
  ModelWorld world = two_places(ideal_tcp());
  const auto ends = world.connect(0, 1);
  world.run_until(ms(1'000));
  world.model.set_up(ModelWorld::up(0), false, ms(1'000));
  world.run_until(ms(2'000));
  world.model.set_up(ModelWorld::up(0), true, ms(2'000));
  world.run_until(ms(3'000));
  world.model.offer(ends.forward, 1'000, ms(3'000));
  world.run_until_idle();
  CHECK(world.departure(ends.forward, 1'000) == ms(3'000) + us(1'000));
}

TEST_CASE("a link that goes down again before the timer fires prolongs the outage", "[link]") {
  ModelWorld world = two_places(ideal_tcp());
  const auto flow = world.connect(0, 1).forward;
  world.model.offer(flow, 100'000, Nanos{0});
  for (const auto& [at, up] : {std::pair{150, false}, {200, true}, {300, false}, {500, true}}) {
    world.run_until(ms(at));
    world.model.set_up(ModelWorld::up(0), up, ms(at));
  }
  world.run_until_idle();
  // Timers at 450 (down) and 1050.
  CHECK(world.departure(flow, 100'000) == ms(1'050) + ms(50));
}

TEST_CASE("a lost SYN is repeated after 1 and 3 seconds", "[link]") {
  ModelWorld world = two_places(ideal_tcp());
  world.model.set_up(ModelWorld::down(1), false, Nanos{0});
  const auto flow = world.connect(0, 1).forward;
  world.model.offer(flow, 1'000, Nanos{0});
  world.run_until(ms(1'500));
  world.model.set_up(ModelWorld::down(1), true, ms(1'500));
  world.run_until_idle();
  CHECK(world.time_of(Happening::What::kOpened, flow) == ms(3'100));
  CHECK(world.arrival(flow, 1'000) == ms(3'100) + us(1'000) + ms(50));
  CHECK(world.model.counters(ModelWorld::up(0)).handshake == 3 * 74 + 66);
}

TEST_CASE("a reset follows what has left and drops the rest", "[link]") {
  ModelWorld world = two_places(ideal_tcp());
  const auto ends = world.connect(0, 1);
  world.model.offer(ends.forward, 10'000, Nanos{0});
  world.model.offer(ends.forward, 100'000, Nanos{0});
  world.run_until(ms(130));  // 30,000 bytes have left: the first offer and a part of the second
  CHECK(world.model.reset(ends.forward, ms(130)) == 10'000);
  world.run_until_idle();
  CHECK(world.arrival(ends.forward, 10'000) == ms(160));
  CHECK(world.time_of(Happening::What::kClosed, ends.forward) == ms(180));
  CHECK(world.arrival(ends.forward, 110'000) == kNever);
  const LinkCounters counters = world.model.counters(ModelWorld::up(0));
  CHECK(counters.payload == 30'000);
  CHECK(counters.delivered == 10'000);
  CHECK(counters.lost == 20'000);
  CHECK(world.model.in_flight(ModelWorld::up(0)) == 0);
}

TEST_CASE("a reset during an outage is heard after it", "[link]") {
  ModelWorld world = two_places(ideal_tcp());
  const auto ends = world.connect(0, 1);
  world.run_until(ms(1'000));
  world.model.set_up(ModelWorld::up(0), false, ms(1'000));
  world.model.reset(ends.forward, ms(1'000));
  world.run_until(ms(1'200));
  world.model.set_up(ModelWorld::up(0), true, ms(1'200));
  world.run_until_idle();
  CHECK(world.time_of(Happening::What::kClosed, ends.forward) == ms(1'350));
}

}  // namespace
}  // namespace strait
