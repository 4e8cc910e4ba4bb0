// The probe of a network: it finds what is configured, and what one connection makes of it.
#include <fmt/format.h>

#include "apps/probing/report.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

std::string all_of(const std::vector<std::string>& sentences) {
  return fmt::format("{}", fmt::join(sentences, "\n"));
}

const PairProbe& pair_from(const NetworkProbe& probe, IslandId from, IslandId to) {
  for (const PairProbe& pair : probe.pairs) {
    for (const IslandPair& one : pair.kind.pairs) {
      if (one == IslandPair(from, to)) return pair;
    }
  }
  throw std::out_of_range("no such pair");
}

double gbit(BytesPerSecond rate) { return 8e-9 * static_cast<double>(rate.value); }

/// Two islands that can be told apart by nothing.
NetworkDescription two(const AccessLink& link) { return describe_network({link, link}); }

TEST_CASE("a probe measures rates and delays of links under each congestion control", "[probe]") {
  const NetworkDescription network =
      describe_network({{megabits(20), megabits(3), 20ms}, {megabits(400'000), kUnlimited, 0ms}});
  for (const char* tcp : {"cubic", "reno", "bbr", "ideal"}) {
    CAPTURE(tcp);
    const EmulatedOptions options{.tcp = {.congestion = congestion_of(tcp)}};
    const NetworkProbe probe = probe_network(network, options);
    REQUIRE(probe.links.size() == 4);
    CHECK(gbit(probe.links[0].measured.rate) == Approx(0.020).epsilon(1e-5));
    CHECK(gbit(probe.links[1].measured.rate) == Approx(0.003).epsilon(1e-5));
    CHECK(gbit(probe.links[2].measured.rate) == Approx(400).epsilon(1e-5));
    CHECK(probe.links[3].measured.rate == kUnlimited);
    CHECK(std::chrono::abs(probe.links[0].measured.delay - 20ms) <= 10ns);
    CHECK(std::chrono::abs(probe.links[2].measured.delay) <= 10ns);
    CHECK(std::chrono::abs(pair_from(probe, 1, 0).measured.rtt - 40ms) <= 10ns);
    CHECK(all_of(deviations(probe)) == "");
    CHECK(largest_deviation(probe) < 1e-5);
  }
}

TEST_CASE("a probe's count of losses is that of the configuration within chance", "[probe]") {
  for (const std::int64_t ppm : {1, 30, 1'000, 50'000, 900'000}) {
    CAPTURE(ppm);
    NetworkDescription network = two({megabits(100), megabits(100), 10ms, ppm});
    for (network.seed = 1; network.seed <= 5; ++network.seed) {
      const NetworkProbe probe = probe_network(network, {});
      CHECK(all_of(deviations(probe)) == "");
      const PathMeasurement& link = probe.links[0].measured;
      CHECK(static_cast<double>(link.lost) / static_cast<double>(link.packets) ==
            Approx(1e-6 * static_cast<double>(ppm)).epsilon(0.25));
      // Both links of the path lose.
      const PathMeasurement& path = probe.pairs[0].measured;
      const double arrives = 1 - 1e-6 * static_cast<double>(ppm);
      CHECK(static_cast<double>(path.lost) / static_cast<double>(path.packets) ==
            Approx(1 - arrives * arrives).epsilon(0.25));
    }
  }
}

TEST_CASE("a probe counts what is lost in bursts and takes no notice of jitter", "[probe]") {
  for (const Bursts bursts :
       {Bursts{1'000, 200'000}, Bursts{1'000, 20'000}, Bursts{30'000, 999'999}}) {
    CAPTURE(bursts.begin_ppm, bursts.length());
    NetworkDescription network = two({megabits(100), megabits(100), 10ms, 2'000, 9ms, bursts});
    for (network.seed = 1; network.seed <= 3; ++network.seed) {
      const NetworkProbe probe = probe_network(network, {});
      CHECK(all_of(deviations(probe)) == "");
      const PathMeasurement& link = probe.links[0].measured;
      CHECK(static_cast<double>(link.lost) / static_cast<double>(link.packets) ==
            Approx(1e-6 * static_cast<double>(lost_ppm(network.links[0]))).epsilon(0.25));
      CHECK(std::chrono::abs(link.delay - 10ms) <= 10ns);
    }
  }
}

TEST_CASE("a bottleneck that paths share is probed as a link and on its paths", "[probe]") {
  NetworkDescription network = two({megabits(100), megabits(100), 10ms});
  network.links.push_back({"narrow", megabits(7), 30ms, 0});
  network.paths[1] = {up_link(0), 4, down_link(1)};  // from 0 to 1
  const NetworkProbe probe = probe_network(network, {});
  REQUIRE(probe.links.size() == 5);
  CHECK(gbit(probe.links[4].measured.rate) == Approx(0.007).epsilon(1e-5));
  const PairProbe& there = pair_from(probe, 0, 1);
  CHECK(gbit(there.measured.rate) == Approx(0.007).epsilon(1e-5));
  CHECK(std::chrono::abs(there.measured.delay - 50ms) <= 10ns);
  CHECK(std::chrono::abs(there.measured.rtt - 70ms) <= 10ns);
  CHECK(gbit(there.goodput.rate) == Approx(0.007 * 1448 / 1514).epsilon(0.01));
  CHECK(bound_by(there, {}) == BoundBy::kNothing);
  CHECK(gbit(pair_from(probe, 1, 0).measured.rate) == Approx(0.1).epsilon(1e-5));
  CHECK(all_of(deviations(probe)) == "");
}

TEST_CASE("what keeps one connection from filling its path is found out", "[probe]") {
  const NetworkDescription network = two({megabits(100), megabits(100), 20ms});
  const auto probe_of = [](const NetworkDescription& probed, const EmulatedOptions& options) {
    return probe_network(probed, options).pairs.at(0);
  };
  EmulatedOptions options;
  CHECK(bound_by(probe_of(network, options), options) == BoundBy::kNothing);

  options.tcp.window_cap = 100'000;
  const PairProbe window = probe_of(network, options);
  CHECK(bound_by(window, options) == BoundBy::kWindow);
  CHECK(gbit(window.goodput.rate) == Approx(8e-9 * 100'000 / 0.08).epsilon(0.03));
  CHECK_THAT(probe_line(network, options), Catch::Contains("bound by network.window"));
  CHECK_THAT(probe_verdict(probe_network(network, options)),
             Catch::Contains("bound by network.window, 100kB per round trip of 80ms"));

  options = {};
  CHECK(bound_by(probe_of(two({megabits(100), megabits(100), 20ms, 5'000}), options), options) ==
        BoundBy::kLoss);

  options.queue = 0.05;
  const NetworkDescription fast = two({megabits(1000), megabits(1000), 20ms});
  CHECK(bound_by(probe_of(fast, options), options) == BoundBy::kQueue);
}

TEST_CASE("the first megabyte takes its handshake and slow start", "[probe]") {
  // 10 segments, then 20, 40 ...: the seventh flight has the last byte; before it a handshake.
  const NetworkProbe probe = probe_network(two({megabits(100'000), megabits(100'000), 25ms}), {});
  const Nanos first = probe.pairs[0].goodput.first_message;
  CHECK(seconds(first) == Approx(0.1 * 7 + 0.05).epsilon(0.02));
}

TEST_CASE("what has no limit is measured as such", "[probe]") {
  const NetworkDescription network = two({});
  const NetworkProbe probe = probe_network(network, {});
  CHECK(probe.pairs[0].measured.rate == kUnlimited);
  CHECK(probe.pairs[0].goodput.rate == kUnlimited);
  CHECK(all_of(deviations(probe)) == "");
  CHECK_THAT(probe_line(network, {}), Catch::Contains("gets inf"));
  // A window bounds what the links do not.
  const NetworkProbe far = probe_network(two({kUnlimited, kUnlimited, 10ms}), {});
  CHECK(bound_by(far.pairs[0], {}) == BoundBy::kWindow);
}

TEST_CASE("events and traces of time 0 are in what is probed and later ones are not", "[probe]") {
  NetworkDescription network = describe_network(
      {{megabits(10), megabits(10), 10ms}, {megabits(10), megabits(10), 10ms}, {megabits(10)}});
  const auto event = [](Nanos time, NetworkEventKind kind, int link) {
    return NetworkEvent{.time = time, .kind = kind, .links = {link}};
  };
  network.events = {event(0s, NetworkEventKind::kLinkDown, up_link(1)),
                    event(0s, NetworkEventKind::kLinkRate, down_link(0)),
                    event(5s, NetworkEventKind::kLinkUp, up_link(1)),
                    event(5s, NetworkEventKind::kLinkDown, up_link(2))};
  network.events[1].rate = megabits(2);
  network.traces.push_back(
      {.link = up_link(0),
       .period = 2s,
       .rows = {{.time = 0s, .rate = megabits(5), .delay = 40ms}, {.time = 1s, .delay = 80ms}}});
  network.traces.push_back({.link = up_link(2), .start = 1s, .rows = {{.rate = megabits(1)}}});
  const NetworkProbe probe = probe_network(network, {});
  CHECK(gbit(probe.links[0].measured.rate) == Approx(0.005).epsilon(1e-5));
  CHECK(std::chrono::abs(probe.links[0].measured.delay - 40ms) <= 10ns);
  CHECK(gbit(probe.links[1].measured.rate) == Approx(0.002).epsilon(1e-5));
  CHECK(!probe.links[2].measured.answers);
  CHECK(gbit(probe.links[4].measured.rate) == Approx(0.010).epsilon(1e-5));
  // Without a way back nobody answers either.
  CHECK(!pair_from(probe, 1, 0).measured.answers);
  CHECK(!pair_from(probe, 0, 1).measured.answers);
  CHECK(pair_from(probe, 0, 2).measured.answers);
  CHECK(all_of(deviations(probe)) == "");
  CHECK_THAT(probe_verdict(probe), Catch::Contains("Down at the beginning: 1 link.") &&
                                       Catch::Contains("Links change later"));
  CHECK_THAT(probed_links_table(probe), Catch::Contains("down"));
}

TEST_CASE("a figure that is not as configured is named with both values", "[probe]") {
  const NetworkProbe right = probe_network(two({megabits(100), megabits(100), 10ms, 1'000}), {});
  REQUIRE(all_of(deviations(right)) == "");
  const auto wrong = [&](const std::function<void(NetworkProbe&)>& spoil) {
    NetworkProbe probe = right;
    spoil(probe);
    return all_of(deviations(probe));
  };
  CHECK(wrong([](NetworkProbe& p) { p.links[0].measured.rate = megabits(99); }) ==
        "link 0.up: rate: 100mbit as configured, 99mbit measured");
  CHECK(wrong([](NetworkProbe& p) { p.links[3].measured.delay = 10'020us; }) ==
        "link 1.down: delay: 10ms as configured, 10.02ms measured");
  CHECK(wrong([](NetworkProbe& p) { p.pairs[0].measured.rtt = 41ms; }) ==
        "0 to 1: round trip: 40ms as configured, 41ms measured");
  CHECK(wrong([](NetworkProbe& p) { p.links[0].measured.lost = 800; }) ==
        "link 0.up: loss: 0.1 % as configured, 800 of 400,000 packets lost");
  CHECK(wrong([](NetworkProbe& p) { p.links[0].measured.answers = false; }) ==
        "link 0.up: up as configured, but nothing answers");
  CHECK(wrong([](NetworkProbe& p) { p.start.up[0] = false; }) ==
        "link 0.up: down as configured, but it answers\n0 to 1: down as configured, but it "
        "answers");
  NetworkProbe lossless = probe_network(two({megabits(100), megabits(100), 10ms}), {});
  lossless.links[0].measured.lost = 1;
  CHECK_THAT(probe_verdict(lossless), Catch::Contains("bug of Strait: 1 figure\n"));
}

TEST_CASE("a large network is probed in parts and its banner says so", "[probe]") {
  std::vector<AccessLink> links;
  for (int i = 0; i < 12; ++i) {
    links.push_back({megabits(10 + i), megabits(100), std::chrono::milliseconds(i)});
  }
  const NetworkProbe probe = probe_network(describe_network(links), {}, {.links = 5, .pairs = 3});
  CHECK(probe.links.size() == 5);
  REQUIRE(probe.pairs.size() == 3);
  CHECK(probe.kinds > 3);
  CHECK(probe.pairs[0].kind.figures.rate == megabits(10));  // the narrowest
  CHECK_THAT(probe_verdict(probe),
             Catch::Contains("the first 5 of 24 links") && Catch::Contains("the 3 narrowest of"));
  links.assign(300, links[0]);
  CHECK_THAT(probe_line(describe_network(links), {}), Catch::Contains("600 links are many"));
}

TEST_CASE("a probe says the same twice", "[probe]") {
  const NetworkDescription network = two({megabits(50), megabits(50), 15ms, 2'000});
  const auto text = [&] {
    const NetworkProbe probe = probe_network(network, {});
    return probed_links_table(probe) + probed_pairs_table(probe) + probe_verdict(probe);
  };
  CHECK(text() == text());
}

}  // namespace
}  // namespace strait
