// What happens to peers and links while a network runs: death, silence, events, traces and random
// outages. Times by hand: the path delay is 50 ms, a byte takes a microsecond.
#include <tuple>

#include "netsim/emulated_network.h"
#include "netsim/outages.h"
#include "tests/conformance/stream_conformance.h"
#include "tests/sim/model_world.h"
#include "tests/support/plain_loop.h"
#include "tests/support/seed.h"

namespace strait {
namespace {

using conformance::kA;
using conformance::kB;
using conformance::make_slice;
using conformance::Side;

class TimedSide : public Side {
 public:
  explicit TimedSide(const PlainLoop& loop) {
    on_arrived = [this, &loop] { arrivals.push_back(loop.now()); };
    on_closed = [this, &loop] { closed_at = loop.now(); };
  }
  std::vector<Nanos> arrivals;
  Nanos closed_at{-1};
};

NetworkDescription two_islands(std::vector<NetworkEvent> events = {}) {
  const AccessLink link{kByteAMicrosecond, kByteAMicrosecond, ms(25)};
  return describe_network({link, link}, std::move(events));
}

/// A dials B at once; B listens.
struct PeerWorld {
  PlainLoop loop;
  Trace trace;
  EmulatedNetwork network;
  TimedSide a{loop}, b{loop};

  explicit PeerWorld(const NetworkDescription& description = two_islands())
      : network(loop, trace, description, {ideal_tcp(), 4 << 20}) {
    listen();
    a.take(network.endpoint(kA).dial(kB, Plane::kData));
  }

  void listen() {
    network.endpoint(kB).listen(
        [this](PeerId, std::unique_ptr<Stream> stream) { b.take(std::move(stream)); });
  }
};

TEST_CASE("a killed peer resets its connections and its streams are dead", "[peers]") {
  PeerWorld w;
  w.loop.run_until(ms(200));
  w.a.offer(make_slice(10'000));  // leaves at 210 ms
  w.a.offer(make_slice(10'000));  // would leave at 220 ms
  w.b.offer(make_slice(1'000));   // would arrive at 251 ms
  w.loop.run_until(ms(215));
  w.network.kill(kA);
  w.a.offer(make_slice(5));  // goes nowhere
  w.loop.run_until_idle();
  CHECK(w.b.arrivals == std::vector<Nanos>{ms(260)});
  CHECK(w.b.closed_at == ms(265));
  CHECK(w.b.failure.kind == FailureKind::kClosed);
  CHECK(w.b.failure.what == "peer 1 reset the connection");
  CHECK(w.a.up_calls == 0);
  w.a.drop();
  w.b.drop();
  w.loop.run_until_idle();
}

TEST_CASE("a killed listener refuses until it listens again", "[peers]") {
  PeerWorld w;
  w.loop.run_until(ms(500));
  w.network.kill(kB);
  w.loop.run_until_idle();
  CHECK(w.a.closed_at == ms(550));
  TimedSide refused(w.loop);
  refused.take(w.network.endpoint(kA).dial(kB, Plane::kData));
  w.loop.run_until(ms(1'000));
  CHECK(refused.closed_at == ms(650));
  CHECK(refused.failure.kind == FailureKind::kRefused);
  w.listen();
  TimedSide again(w.loop);
  again.take(w.network.endpoint(kA).dial(kB, Plane::kData));
  again.offer(make_slice(1'000));
  w.loop.run_until_idle();
  CHECK(w.b.arrivals == std::vector<Nanos>{ms(1'151)});
  CHECK(again.closed_at == Nanos{-1});
}

TEST_CASE("a listener that dies during a handshake refuses or resets it", "[peers]") {
  for (const auto& [dies, heard, kind] :
       {std::tuple{ms(20), ms(100), FailureKind::kRefused},     // the SYN is under way
        std::tuple{ms(120), ms(200), FailureKind::kClosed}}) {  // the last ACK is
    PeerWorld w;
    w.loop.run_until(dies);
    w.network.kill(kB);
    w.loop.run_until_idle();
    CHECK(w.a.closed_at == heard);
    CHECK(w.a.failure.kind == kind);
    CHECK(w.b.up_calls == 0);
  }
}

TEST_CASE("a peer that dies while it dials is never heard of", "[peers]") {
  PeerWorld w;
  w.loop.run_until(ms(50));
  w.network.kill(kA);
  w.loop.run_until_idle();
  CHECK(w.b.stream == nullptr);
  CHECK(w.a.up_calls == 0);
}

TEST_CASE("a death behind a link that is down is heard when it is up", "[peers]") {
  PeerWorld w(two_islands({link_event(ms(1'000), NetworkEventKind::kLinkDown, 0, Direction::kUp),
                           link_event(ms(1'200), NetworkEventKind::kLinkUp, 0, Direction::kUp)}));
  w.loop.run_until(ms(1'000));
  w.network.kill(kA);
  w.loop.run_until_idle();
  CHECK(w.b.closed_at == ms(1'350));  // the timer of 300 ms, then the path
}

TEST_CASE("the last of several lives is reset like the first", "[peers]") {
  PeerWorld w;
  for (int life = 0; life < 3; ++life) {
    const Nanos begins = w.loop.now();
    w.loop.run_until(begins + ms(200));
    w.b.offer(make_slice(1'000));
    w.loop.run_until(begins + ms(300));
    CHECK(w.a.arrivals.back() == begins + ms(251));
    w.network.kill(kA);
    w.a.drop();
    w.loop.run_until(begins + ms(400));
    CHECK(w.b.closed_at == begins + ms(350));
    w.b.drop();
    w.b.closings = 0;
    w.a.take(w.network.endpoint(kA).dial(kB, Plane::kData));
  }
}

// --- silence ---

TEST_CASE("a silent peer is an outage that nobody is told of", "[peers]") {
  NetworkEvent silence{.time = ms(215), .kind = NetworkEventKind::kIslandSilent, .island = 1};
  silence.duration = ms(500);
  PeerWorld w(two_islands({silence}));
  w.loop.run_until(ms(200));
  w.a.offer(make_slice(10'000));  // left at 210 ms, would arrive at 260
  w.a.offer(make_slice(10'000));  // half of it has left at 215
  w.b.offer(make_slice(10'000));  // left at 210, before the silence
  w.loop.run_until(ms(300));
  CHECK(w.a.arrivals == std::vector<Nanos>{ms(260)});
  w.b.offer(make_slice(1'000));
  w.loop.run_until_idle();
  // B hears the first when the silence ends, at 715. A's timer (300 ms) fires at 515 in vain and at
  // 1115; B's, which began with its offer at 300, at 600 and at 1200.
  CHECK(w.b.arrivals == std::vector<Nanos>{ms(715), ms(1'115) + ms(5) + ms(50)});
  CHECK(w.a.arrivals == std::vector<Nanos>{ms(260), ms(1'200) + ms(1) + ms(50)});
  CHECK(w.a.closed_at == Nanos{-1});
  CHECK(w.b.closed_at == Nanos{-1});
}

TEST_CASE("silence for good hides everything, also a death", "[peers]") {
  PeerWorld w;
  w.loop.run_until(ms(200));
  w.network.silence(kB, kNever);
  w.a.offer(make_slice(1'000));
  TimedSide late(w.loop);
  late.take(w.network.endpoint(kA).dial(kB, Plane::kData));
  w.loop.run_until(ms(10'000));
  w.network.kill(kB);
  w.loop.run_until(ms(1'000'000));
  CHECK(w.a.up_calls == 0);
  CHECK(w.b.up_calls == 0);
  CHECK(late.up_calls == 0);
}

TEST_CASE("silences that overlap end with the last", "[peers]") {
  PeerWorld w;
  w.loop.run_until(ms(200));
  w.network.silence(kB, ms(600));
  w.loop.run_until(ms(400));
  w.network.silence(kB, ms(900));
  w.network.silence(kB, ms(500));
  w.network.silence(kA, ms(700));
  w.a.offer(make_slice(1'000));
  w.loop.run_until_idle();
  // The timer began at 400: it fires at 700, 1300.
  CHECK(w.b.arrivals == std::vector<Nanos>{ms(1'300) + ms(1) + ms(50)});
}

TEST_CASE("who dials a silent peer repeats until it speaks", "[peers]") {
  PeerWorld w;
  w.loop.run_until(ms(1'000));
  w.network.silence(kB, ms(2'500));
  TimedSide late(w.loop);
  w.b.stream.reset();
  w.b.closings = 0;
  late.take(w.network.endpoint(kA).dial(kB, Plane::kData));
  late.offer(make_slice(1'000));
  w.loop.run_until_idle();
  // SYNs at 1000, 2000 and 4000 ms.
  CHECK(w.b.arrivals == std::vector<Nanos>{ms(4'000) + ms(100) + ms(1) + ms(50)});
}

// --- links ---

TEST_CASE("events change rate, delay and loss", "[peers]") {
  NetworkEvent rate = link_event(ms(250), NetworkEventKind::kLinkRate, 0, Direction::kUp);
  rate.rate = {500'000};
  NetworkEvent delay = link_event(ms(1'000), NetworkEventKind::kLinkDelay, 1, Direction::kDown);
  delay.delay = ms(100);
  NetworkEvent loss = link_event(ms(2'000), NetworkEventKind::kLinkLoss, 0, Direction::kUp);
  loss.loss_ppm = 999'000;
  PeerWorld w(two_islands({rate, delay, loss}));
  std::vector<TraceRecord> changes;
  w.trace.listen([&](const TraceRecord& record) {
    if (record.kind == TraceKind::kLinkChanged) changes.push_back(record);
  });
  w.loop.run_until(ms(200));
  w.a.offer(make_slice(100'000));  // 50 ms at 1, 100 ms at 0.5
  w.loop.run_until(ms(1'500));
  w.a.offer(make_slice(1'000));
  w.loop.run_until(ms(2'500));
  w.a.offer(make_slice(1'000));
  w.loop.run_until_idle();
  REQUIRE(w.b.arrivals.size() == 3);
  CHECK(w.b.arrivals[0] == ms(200) + ms(150) + ms(50));
  CHECK(w.b.arrivals[1] == ms(1'500) + ms(2) + ms(125));
  CHECK(w.b.arrivals[2] > ms(2'500) + ms(2) + ms(125) + ms(175));
  REQUIRE(changes.size() == 3);
  const std::int64_t values[] = {500'000, ms(100).count(), 999'000};
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(changes[i].a == (i == 1 ? down_link(1) : up_link(0)));
    CHECK(changes[i].b == static_cast<std::int64_t>(i));
    CHECK(changes[i].c == values[i]);
  }
}

TEST_CASE("a link trace repeats itself", "[peers]") {
  NetworkDescription description = two_islands();
  // One byte per microsecond for 100 ms, a tenth of it for 100 ms, from 200 ms on.
  description.traces = {
      {.link = up_link(0),
       .start = ms(200),
       .period = ms(200),
       .rows = {{Nanos{0}, kByteAMicrosecond, {}}, {ms(100), BytesPerSecond{100'000}, {}}}}};
  PeerWorld w(description);
  w.loop.run_until(ms(200));
  w.a.offer(make_slice(250'000));
  w.loop.run_until(ms(5'000));
  // 110,000 per repetition: two, and 30 ms of the third.
  CHECK(w.b.arrivals == std::vector<Nanos>{ms(200) + ms(400) + ms(30) + ms(50)});
}

TEST_CASE("a trace that stands still holds a transfer back until it goes on", "[peers]") {
  NetworkDescription description = two_islands();
  // Nothing for 400 ms: longer than a retransmission timeout, but no outage, so nothing else waits.
  description.traces = {{.link = up_link(0),
                         .start = ms(200),
                         .rows = {{Nanos{0}, BytesPerSecond{1}}, {ms(400), kByteAMicrosecond}}}};
  PeerWorld w(description);
  w.loop.run_until(ms(200));
  w.a.offer(make_slice(10'000));
  w.loop.run_until(ms(5'000));
  // But for the part of a byte that leaves meanwhile.
  REQUIRE(w.b.arrivals.size() == 1);
  const Nanos whole = ms(200) + ms(400) + ms(10) + ms(50);
  CHECK(w.b.arrivals[0] <= whole);
  CHECK(w.b.arrivals[0] > whole - Nanos{1'000});
}

TEST_CASE("a link trace may change the loss", "[peers]") {
  NetworkDescription description = two_islands();
  description.traces = {{.link = up_link(0),
                         .start = ms(200),
                         .rows = {{Nanos{0}, {}, {}, 200'000}, {ms(1'000), {}, {}, 0}}}};
  PeerWorld w(description);
  const auto sent_again = [&] { return w.network.link_table()[0].counters.retransmitted; };
  w.loop.run_until(ms(200));
  w.a.offer(make_slice(700'000));  // leaves before 1.2 s
  w.loop.run_until(ms(30'000));
  const Bytes lossy = sent_again();
  CHECK(lossy > 700'000 / 10);
  w.a.offer(make_slice(700'000));
  w.loop.run_until(ms(60'000));
  CHECK(sent_again() == lossy);
}

TEST_CASE("random outages are those of their generator and may overlap events", "[peers]") {
  NetworkDescription description =
      two_islands({link_event(ms(1'000), NetworkEventKind::kLinkDown, 0, Direction::kUp),
                   link_event(ms(9'000), NetworkEventKind::kLinkUp, 0, Direction::kUp)});
  description.outages = {{.name = "0",
                          .links = {up_link(0), down_link(0)},
                          .start = ms(500),
                          .mean_up = ms(2'000),
                          .mean_down = ms(1'000)}};
  PeerWorld w(description);
  std::vector<TraceRecord> records;
  w.trace.listen([&](const TraceRecord& record) { records.push_back(record); });
  w.loop.run_until(ms(60'000));
  OutageGenerator generator(description.seed, description.outages[0]);
  std::size_t downlinks = 0;
  bool up = true;
  for (const TraceRecord& record : records) {
    const bool comes_up = record.kind == TraceKind::kLinkUp;
    if (record.a == up_link(0)) {
      CHECK(comes_up != up);
      if (record.time > ms(1'000) && record.time < ms(9'000)) CHECK(!comes_up);
      up = comes_up;
    } else if (record.a == down_link(0)) {
      const OutageGenerator::Toggle toggle = generator.next();
      CHECK(record.time == toggle.time);
      CHECK(comes_up == toggle.up);
      CHECK(record.b == 1);
      ++downlinks;
    }
  }
  CHECK(downlinks > 20);
}

TEST_CASE("other traffic changes no draw of a connection", "[peers]") {
  // Without limits nobody slows anybody down, so only draws could differ.
  const auto arrivals = [](bool others) {
    AccessLink link{kUnlimited, kUnlimited, ms(10), 200'000};
    PeerWorld w(describe_network({link, link, link, link}));
    const PeerId c = peer_of(2), d = peer_of(3);
    std::vector<std::unique_ptr<TimedSide>> sides;
    if (others) {
      for (const PeerId peer : {c, d}) {
        sides.push_back(std::make_unique<TimedSide>(w.loop));
        TimedSide& accepted = *sides.back();
        w.network.endpoint(peer).listen([&accepted](PeerId, std::unique_ptr<Stream> stream) {
          accepted.stream = nullptr;
          accepted.take(std::move(stream));
        });
      }
      sides.push_back(std::make_unique<TimedSide>(w.loop));
      sides.back()->take(w.network.endpoint(kA).dial(c, Plane::kData));
      sides.push_back(std::make_unique<TimedSide>(w.loop));
      sides.back()->take(w.network.endpoint(c).dial(d, Plane::kData));
    }
    for (int i = 0; i < 100; ++i) {
      w.loop.run_until(ms(1'000 * (i + 1)));
      w.a.offer(make_slice(5'000));
      for (std::size_t s = 2; s < sides.size(); ++s) sides[s]->offer(make_slice(3'000));
    }
    w.loop.run_until_idle();
    return w.b.arrivals;
  };
  const std::vector<Nanos> alone = arrivals(false);
  CHECK(alone.size() == 100);
  CHECK(alone == arrivals(true));
}

}  // namespace
}  // namespace strait
