// How many connections the transport finds, over emulated links in virtual time.
#include "core/comm/connection_count.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "core/comm/transport.h"
#include "netsim/emulated_network.h"
#include "tests/sim/model_world.h"
#include "tests/support/catch.h"
#include "tests/support/plain_loop.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

/// Of the rate of a link, what is left for payload: the headers' share is gone.
constexpr double kPayload = 1448.0 / 1514.0;

struct Path {
  std::string congestion = "cubic";
  std::int64_t megabits = 300;
  Nanos round_trip = 100ms;
  std::int64_t loss_ppm = 0;
  Bytes window = 64 << 20;
  int connections = 0;  // 0: it finds them

  double payload_rate() const { return static_cast<double>(megabits) * 125'000 * kPayload; }
};

/// Two islands and a transport each, which finds its number of connections. The second one dials.
struct Far : SessionWatcher {
  static constexpr Bytes kMessage = 16 << 20;

  /// Island `fixed` has a number of its own.
  explicit Far(const Path& path, IslandId fixed = -1, int number = 0)
      : network(loop, trace, description(path),
                {.tcp = {.congestion = congestion_of(path.congestion), .window_cap = path.window}}),
        memory(std::make_shared<std::vector<std::byte>>(kMessage)) {
    for (const IslandId island : {0, 1}) {
      const PeerId self = peer_of(island);
      TransportOptions options{.self = self, .data_connections = path.connections};
      if (island == fixed) options.data_connections = number;
      transports.push_back(
          std::make_unique<Transport>(loop, network.endpoint(self), ledger, trace, options));
    }
    for (auto& transport : transports) transport->watch(*this);
    for (auto& transport : transports) transport->connect({peer_of(0), peer_of(1)});
  }

  static NetworkDescription description(const Path& path) {
    // Half of the loss on each of the two links.
    const AccessLink link{.up = megabits(path.megabits),
                          .down = megabits(path.megabits),
                          .delay = path.round_trip / 4,
                          .loss_ppm = path.loss_ppm / 2};
    return describe_network({link, link}, {});
  }

  Transport& at(IslandId island) { return *transports[static_cast<std::size_t>(island)]; }

  /// `count` messages from one to the other, all at once.
  void send(IslandId from, int count) {
    const IslandId to = 1 - from;
    for (int i = 0; i < count; ++i, ++tag) {
      std::ignore = at(to).receive(peer_of(from), tag, kMessage);
      std::ignore = at(from).send({.to = peer_of(to), .tag = tag, .cause = Cause::kPayload},
                                  {*memory, memory});
    }
  }

  Transport::InUse in_use(IslandId from) { return at(from).connections(peer_of(1 - from)); }
  Bytes acked(IslandId from) {
    const auto figures = at(from).figures(peer_of(1 - from));
    return figures ? figures->acked : 0;
  }

  /// Share of `path`'s payload rate from `since` to `until`.
  double share(const Path& path, IslandId from, Nanos since, Nanos until) {
    loop.run_until(since);
    const Bytes before = acked(from);
    loop.run_until(until);
    return static_cast<double>(acked(from) - before) / seconds(until - since) / path.payload_rate();
  }

  void session_opened(PeerId) override { ++sessions; }
  void session_lost(PeerId, const Failure&) override {}

  PlainLoop loop;
  Trace trace;
  Ledger ledger;
  EmulatedNetwork network;
  std::shared_ptr<std::vector<std::byte>> memory;
  std::vector<std::unique_ptr<Transport>> transports;
  Tag tag = 1;
  int sessions = 0;  // as each side counts them
};

/// For the reader of a failure, and of --success.
std::string found(Far& far, IslandId from, double share) {
  return fmt::format("{} of {} connections, {:.1f} % of the payload maximum", far.in_use(from).used,
                     far.in_use(from).open, 100 * share);
}

TEST_CASE("the number of connections that it finds fills a long fat path", "[connections]") {
  struct Row {
    const char* congestion;
    std::int64_t loss_ppm;
    Bytes window;
    double least;
  };
  for (const Row row : std::vector<Row>{{"cubic", 0, 256 << 10, 0.95},
                                        {"cubic", 0, 1 << 20, 0.95},
                                        {"cubic", 0, 3 << 20, 0.95},
                                        {"cubic", 0, 64 << 20, 0.95},
                                        {"bbr", 1000, 256 << 10, 0.9},
                                        {"bbr", 1000, 1 << 20, 0.9},
                                        {"bbr", 1000, 3 << 20, 0.9}}) {
    Path path{.congestion = row.congestion, .loss_ppm = row.loss_ppm, .window = row.window};
    Far far(path);
    far.send(1, 120);
    far.loop.run_until(30s);
    const int used = far.in_use(1).used;
    const double share = far.share(path, 1, 30s, 50s);
    INFO(row.congestion << ", " << row.loss_ppm << " ppm, windows of " << row.window << ": "
                        << found(far, 1, share));
    CHECK(share >= row.least);
    const double needed = path.payload_rate() * seconds(path.round_trip) / path.window;
    CHECK(used >= needed);
    if (row.loss_ppm == 0) CHECK(used < std::max(2.0, 2 * needed));
    CHECK(far.in_use(0).used == 1);  // it has nothing to send
    CHECK(far.in_use(0).open == far.in_use(1).open);
  }
}

TEST_CASE("both sides find their numbers at once", "[connections]") {
  // Acknowledgements take 2 % of the rate and queue behind data, which comes in bursts then. With a
  // fixed number, CUBIC gets 84 % of it with 8, 95 % with 16, and 98 % with 32.
  for (const char* congestion : {"cubic", "bbr"}) {
    Path path{.congestion = congestion, .window = 1 << 20};
    if (path.congestion == "bbr") path.loss_ppm = 1000;
    Far far(path);
    far.send(0, 120);
    far.send(1, 120);
    far.loop.run_until(30s);
    const Bytes before = far.acked(0) + far.acked(1);
    far.loop.run_until(50s);
    const double share =
        static_cast<double>(far.acked(0) + far.acked(1) - before) / (2 * 20 * path.payload_rate());
    INFO(congestion << ": " << found(far, 0, share) << ", " << found(far, 1, share));
    CHECK(share >= 0.85);
  }
}

TEST_CASE("losses that one connection does not survive are shared by many", "[connections]") {
  Path path{.loss_ppm = 1000};
  Far alone({.loss_ppm = 1000, .connections = 1}), many(path);
  double shares[2];
  for (Far* far : {&alone, &many}) {
    far->send(1, 140);
    shares[far == &many] = far->share(path, 1, 30s, 50s);
  }
  INFO(found(alone, 1, shares[0]) << "; " << found(many, 1, shares[1]));
  CHECK(shares[1] > 8 * shares[0]);
}

TEST_CASE("a near network keeps one connection", "[connections]") {
  Path path{.megabits = 1000, .round_trip = 400us, .window = 16 << 10};
  Far far(path);
  far.send(0, 30);
  far.send(1, 30);
  far.loop.run_until(10s);
  CHECK(far.in_use(0).open == 1);
  CHECK(far.in_use(1).open == 1);
}

TEST_CASE("a network that knows nothing of its connections keeps one", "[connections]") {
  Path path{.congestion = "ideal"};
  Far far(path);
  far.send(1, 30);
  far.loop.run_until(30s);
  CHECK(far.in_use(1).open == 1);
  CHECK_FALSE(far.at(1).figures(peer_of(0)));
}

TEST_CASE("what a lost session has carried still counts", "[connections]") {
  Far far({.connections = 1});
  far.send(1, 1);
  far.loop.run_until(20s);
  CHECK(far.acked(1) > Far::kMessage);
  far.at(1).drop(peer_of(0), {FailureKind::kClosed, "a test"});
  CHECK(far.acked(1) > Far::kMessage);
  far.loop.run_until(25s);  // dialled anew
  far.send(1, 1);
  far.loop.run_until(60s);
  CHECK(far.sessions == 4);  // two on each side
  CHECK(far.acked(1) > 2 * Far::kMessage);
}

TEST_CASE("connections tell what their senders know", "[connections]") {
  Path path{.window = 1 << 20, .connections = 1};
  for (const std::int64_t loss : {0, 1000}) {
    path.loss_ppm = loss;
    Far far(path);
    far.send(1, 2);
    far.loop.run_until(60s);
    const auto figures = far.at(1).figures(peer_of(0));
    REQUIRE(figures);
    INFO(loss << " ppm: acked " << figures->acked << ", sent again " << figures->sent_again);
    CHECK(figures->acked > 2 * Far::kMessage);
    CHECK(figures->acked < 2 * Far::kMessage + (64 << 10));
    CHECK(figures->sent == figures->acked + figures->sent_again);
    CHECK((figures->lost > 0) == (loss > 0));
    CHECK(figures->least_rtt >= path.round_trip);
    CHECK(figures->least_rtt < path.round_trip + 1ms);
    CHECK(figures->rtt >= figures->least_rtt);
    CHECK(figures->held_up <= figures->busy);
    CHECK(figures->busy < far.loop.now() - 10s);  // it is done long before
    if (loss == 0) CHECK(2 * figures->held_up > figures->busy);
    CHECK(far.in_use(1).open == 1);
  }
}

TEST_CASE("bursts with silence between them find the number, too", "[connections]") {
  Path path{.window = 1 << 20};
  Far far(path);
  std::vector<double> took;
  for (int burst = 0; burst < 10; ++burst) {
    const Nanos start = 60s * burst + 1s;
    far.loop.run_until(start);
    const Bytes before = far.acked(1);
    far.send(1, burst == 0 ? 2 : 4);
    while (far.acked(1) - before < (burst == 0 ? 2 : 4) * Far::kMessage) far.loop.run_one();
    took.push_back(seconds(far.loop.now() - start) / (burst == 0 ? 2 : 4));
  }
  INFO(found(far, 1, 0) << ", a message took " << took.front() << " s and " << took.back() << " s");
  CHECK(far.in_use(1).used >= 4);
  CHECK(took.back() < 0.5 * took.front());
}

TEST_CASE("who is dialled can ask for more connections", "[connections]") {
  Path path{.window = 1 << 20};
  Far far(path);
  far.send(0, 100);  // island 1 dials
  const double share = far.share(path, 0, 30s, 40s);
  INFO(found(far, 0, share));
  CHECK(share >= 0.95);
  CHECK(far.in_use(0).used >= 4);
  CHECK(far.in_use(1).used == 1);
}

TEST_CASE("a side with a fixed number takes no more", "[connections]") {
  Path path{.window = 256 << 10};
  for (const IslandId fixed : {0, 1}) {
    INFO("island " << fixed << " has three");
    Far far(path, fixed, 3);
    far.send(0, 40);
    far.send(1, 40);
    far.loop.run_until(30s);
    for (const IslandId island : {0, 1}) {
      CHECK(far.at(island).connected(peer_of(1 - island)));
      CHECK(far.in_use(island).open <= 3);
    }
    CHECK(far.in_use(fixed).used == far.in_use(fixed).open);
    CHECK(far.sessions == 2);
  }
}

TEST_CASE("what is found is the same again", "[connections]") {
  const auto run = [] {
    Path path{.congestion = "bbr", .loss_ppm = 1000, .window = 1 << 20};
    Far far(path);
    far.send(0, 20);
    far.send(1, 20);
    far.loop.run_until(20s);
    return far.trace.hash();
  };
  CHECK(run() == run());
}

TEST_CASE("a session that is lost while connections are added begins anew", "[connections]") {
  // At each of these times one side ends it: before, in the middle of a dial, after.
  for (const Nanos when : {2040ms, 2060ms, 2090ms, 2120ms, 2160ms, 3000ms, 4100ms, 4150ms}) {
    for (const IslandId who : {0, 1}) {
      INFO("island " << who << " at " << when.count());
      Path path{.window = 1 << 20};
      Far far(path);
      far.send(1, 40);
      far.loop.run_until(when);
      far.at(who).drop(peer_of(1 - who), {FailureKind::kClosed, "for the test"});
      far.loop.run_until(when + 5s);
      CHECK(far.at(0).connected(peer_of(1)));
      CHECK(far.at(1).connected(peer_of(0)));
      CHECK(far.sessions == 4);
      far.send(1, 200);
      const double share = far.share(path, 1, far.loop.now() + 45s, far.loop.now() + 55s);
      INFO(found(far, 1, share));
      CHECK(share >= 0.95);
      CHECK(far.in_use(0).open == far.in_use(1).open);
    }
  }
}

}  // namespace
}  // namespace strait
