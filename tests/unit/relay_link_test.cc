// The arithmetic of the relay that a kernel is measured over, by hand: one byte per microsecond, so
// a packet of 986 bytes and its 14 of link header take 1 ms.
#include "apps/lab/relay_link.h"

#include <cstring>

#include "apps/lab/host_namespace.h"
#include "apps/validation/kernel/case_network.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

using namespace std::chrono_literals;
constexpr Bytes kPacket = 1000 - kLinkHeader;

RelayLinkOptions link_of(Bytes queue = 1'000'000) {
  return {.rate = {1'000'000}, .delay = 20ms, .queue = queue};
}

TEST_CASE("packets leave one after the other and arrive after the delay", "[relay]") {
  RelayLink link(link_of());
  CHECK(link.offer(5ms, kPacket) == 26ms);
  CHECK(link.offer(5ms, kPacket) == 27ms);
  CHECK(link.offer(6500us, kPacket) == 28ms);
  CHECK(link.offer(10ms, kPacket) == 31ms);  // nothing waits any more
  CHECK(link.counters().came.bytes == 4000);
}

TEST_CASE("a full queue drops the packet that comes", "[relay]") {
  RelayLink link(link_of(3000));
  for (const Nanos arrival : {21ms, 22ms, 23ms}) CHECK(link.offer(0ms, kPacket) == arrival);
  CHECK(link.offer(999us, 1) == std::nullopt);  // the first one still leaves
  CHECK(link.offer(1ms, kPacket) == 24ms);
  CHECK(link.counters().came.bytes == 4000 + 1 + kLinkHeader);  // also what was dropped
  CHECK(link.counters().dropped.packets == 1);
  CHECK(link.counters().passed().bytes == 4000);
}

TEST_CASE("a lost packet has used its time on the link", "[relay]") {
  RelayLinkOptions options = link_of();
  options.loses = [packet = 0]() mutable { return packet++ == 0; };
  RelayLink link(options);
  CHECK(link.offer(0ms, kPacket) == std::nullopt);
  CHECK(link.offer(0ms, kPacket) == 22ms);
  CHECK(link.counters().lost.bytes == 1000);
  CHECK(link.counters().passed().packets == 1);
}

TEST_CASE("a dropped packet takes no draw of the losses", "[relay]") {
  RelayLinkOptions options = link_of(1000);
  int draws = 0;
  options.loses = [&draws] { return ++draws < 0; };
  RelayLink link(options);
  link.offer(0ms, kPacket);
  link.offer(0ms, kPacket);
  CHECK(draws == 1);
}

TEST_CASE("an outage counts from the first packet and what is sent into it is nowhere", "[relay]") {
  RelayLinkOptions options = link_of();
  options.outage = {10ms, 5ms};
  RelayLink link(options);
  CHECK(link.offer(100ms, kPacket) == 121ms);
  CHECK(link.offer(110ms - 1ns, kPacket) == 131ms - 1ns);
  CHECK(link.offer(110ms, kPacket) == std::nullopt);
  CHECK(link.offer(115ms - 1ns, kPacket) == std::nullopt);
  CHECK(link.counters().came.bytes == 2000);
  CHECK(link.offer(115ms, kPacket) == 136ms);
}

TEST_CASE("a rate may change in the middle of a packet and repeats with the period", "[relay]") {
  RelayLinkOptions options = link_of();
  options.rates = {{0ms, {1'000'000}}, {10ms, {250'000}}};
  options.period = 20ms;
  RelayLink link(options);
  CHECK(link.offer(100ms, kPacket) == 121ms);
  CHECK(link.offer(109500us, kPacket) == 132ms);  // 500 bytes in 0.5 ms, 500 in 2 ms
  CHECK(link.offer(119ms, kPacket) == 140750us);  // 250 in 1 ms, 750 in 0.75 ms
  CHECK(link.offer(139ms, 10'000 - kLinkHeader) == 139ms + 1ms + 9750us + 20ms);
}

TEST_CASE("a case has delay and losses on its uplinks only", "[relay]") {
  KernelCase c;
  c.up = {1'000'000};
  c.down = {2'000'000};
  c.rtt = 40ms;
  c.queue = 100'000;
  c.loss_ppm = 990'000;
  c.outage = {0ms, 1ms};
  RelayLink up(uplink_of(c, 1, 0)), down(downlink_of(c));
  CHECK(up.offer(0ms, kPacket) == std::nullopt);
  CHECK(down.offer(0ms, kPacket) == 500us);
  c.loss_ppm = 0;
  c.outage.reset();
  CHECK(RelayLink(uplink_of(c, 1, 0)).offer(0ms, kPacket) == 21ms);
}

/// The first packets of an uplink that are lost, by number.
std::vector<int> lost(RelayLinkOptions link, std::size_t count) {
  std::vector<int> numbers;
  for (int i = 0; numbers.size() < count; ++i) {
    if (link.loses()) numbers.push_back(i);
  }
  return numbers;
}

// The numbers come from the standard's generator alone; the recorded cases were drawn like this, so
// another order of draws would make them another experiment.
TEST_CASE("relay and emulator lose the packets that the recorded measurements lost", "[relay]") {
  KernelCase c;
  c.loss_ppm = 10'000;
  CHECK(lost(uplink_of(c, 1, 0), 6) == std::vector{1, 39, 137, 139, 260, 407});
  CHECK(lost(uplink_of(c, 31, 2), 6) == std::vector{134, 321, 334, 467, 580, 641});
  c.loss_ppm = 0;
  c.bursts = {100'000, 300'000};
  CHECK(lost(uplink_of(c, 1, 1), 15) ==
        std::vector{11, 12, 13, 14, 15, 16, 17, 18, 19, 25, 26, 27, 36, 37, 38});
}

TEST_CASE("packets say which host they are for", "[relay]") {
  std::vector<unsigned char> packet(20);
  packet[0] = 0x45;
  for (const int host : {0, 1, 25}) {
    const in_addr address = address_of(host);
    std::memcpy(packet.data() + 16, &address, sizeof address);
    CHECK(destination_of(packet.data(), packet.size()) == host);
  }
  CHECK(destination_of(packet.data(), 19) == -1);
  packet[19] = 0;  // 10.77.0.0
  CHECK(destination_of(packet.data(), packet.size()) == -1);
  packet[18] = 1;  // 10.77.1.0
  CHECK(destination_of(packet.data(), packet.size()) == -1);
  packet[0] = 0x60;  // IPv6
  CHECK(destination_of(packet.data(), packet.size()) == -1);
}

}  // namespace
}  // namespace strait
