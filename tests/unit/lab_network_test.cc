// What a relay and a kernel are told of a scenario, without either.
#include "apps/lab/lab_network.h"

#include "core/base/errors.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

NetworkDescription two_homes() {
  const AccessLink home{.up = megabits(10), .down = megabits(40), .delay = 10ms};
  return describe_network({home, home});
}

TEST_CASE("a relay gets the links of a description with the queues that the emulator gives them",
          "[lab]") {
  NetworkDescription network = two_homes();
  network.links[3].queue = 123'456;
  const RelayNetwork relay = relay_network(network, {.queue = 2});
  REQUIRE(relay.links.size() == 4);
  CHECK(relay.links[0].rate == megabits(10));
  CHECK(relay.links[1].rate == megabits(40));
  CHECK(relay.links[0].delay == 10ms);
  CHECK(relay.links[1].queue == 2 * 5'000'000 * 40 / 1000);  // two products of 40mbit and 40ms
  CHECK(relay.links[3].queue == 123'456);
  CHECK_FALSE(relay.links[0].loses);
  CHECK(relay.paths == network.paths);
}

TEST_CASE("a relay loses as many packets as a link says, one by one and in bursts", "[lab]") {
  NetworkDescription network = two_homes();
  network.links[0].loss_ppm = 20'000;
  network.links[1].bursts = {.begin_ppm = 10'000, .end_ppm = 250'000};
  const RelayNetwork relay = relay_network(network, {});
  constexpr int kPackets = 200'000;
  const auto lost = [&](std::size_t link) {
    int count = 0;
    for (int i = 0; i < kPackets; ++i) count += relay.links[link].loses();
    return static_cast<double>(count) / kPackets;
  };
  // The seed is the description's, so these are the same numbers each time.
  CHECK(lost(0) == Approx(0.02).epsilon(0.05));
  CHECK(lost(1) ==
        Approx(1e-6 * static_cast<double>(network.links[1].bursts.lost_ppm())).epsilon(0.05));
}

TEST_CASE("a kernel gets the buffers that let the window of the emulator through", "[lab]") {
  TcpOptions tcp{.congestion = CongestionControl::kBbr, .window_cap = 6'000'000};
  const HostSettings set = host_settings(tcp);
  CHECK(set.congestion_control == "bbr");
  CHECK(set.slow_start_after_idle);
  CHECK(set.send_buffer.most == 8'000'000);
  CHECK(set.receive_buffer.first == 12'000'000);
  CHECK(set.receive_buffer.most == 12'000'000);
  tcp.tuned_receive_window = true;
  tcp.idle_restart = false;
  const HostSettings tuned = host_settings(tcp);
  CHECK(tuned.receive_buffer.first == 128 << 10);  // as Linux does by itself
  CHECK(tuned.receive_buffer.most == 12'000'000);
  CHECK_FALSE(tuned.slow_start_after_idle);
}

TEST_CASE("a lab refuses links that change and more islands than it has addresses", "[lab]") {
  NetworkDescription network = two_homes();
  network.background.push_back({.link = 0, .load = megabits(1), .transfer = 1000});
  CHECK_THROWS_AS(relay_network(network, {}), UserError);
  CHECK_NOTHROW(relay_network(describe_network(std::vector<AccessLink>(254)), {}));
  CHECK_THROWS_AS(relay_network(describe_network(std::vector<AccessLink>(255)), {}), UserError);
}

}  // namespace
}  // namespace strait
