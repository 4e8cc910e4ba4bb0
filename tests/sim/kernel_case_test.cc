// The stories of the measured transfers, with times worked out by hand: one byte per microsecond
// (8 Mbit/s), RTT 100 ms, queues that never overflow. A transfer of n segments takes n x 1514 us on
// the links, the handshake is not in it, and a delay of 50 ms comes on top.
#include "netsim/kernel_case.h"

#include <cstdlib>

#include "tests/sim/model_world.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

KernelCase small_case() {
  KernelCase c;
  c.id = "x";
  c.up = c.down = kByteAMicrosecond;
  c.rtt = ms(100);
  c.queue = 10'000'000;
  c.bytes = 1'448'000;
  return c;
}

Nanos time_of(const KernelCase& c) { return run_kernel_case(c, 1).time; }

/// Within one percent.
bool about(Nanos time, Nanos expected) {
  return std::abs((time - expected).count()) * 100 <= expected.count();
}

constexpr Nanos kSegment{1'514'000};

// Three rounds of 10, 20 and 40 segments fit into 100 ms each; then the link is busy.
const Nanos kSlowStart = ms(300) - 70 * kSegment;

TEST_CASE("a case is timed from the first write to the last byte", "[cases]") {
  const KernelCaseRun run = run_kernel_case(small_case(), 1);
  CHECK(about(run.time, kSlowStart + 1'000 * kSegment + ms(50)));
  // The handshake, and an acknowledgement for one or two segments.
  const Bytes without_acks = 1'000 * 1'514 + 2 * 74 + 66;
  CHECK(run.wire_bytes > without_acks + 500 * 66);
  CHECK(run.wire_bytes < without_acks + 1'000 * 66);
}

TEST_CASE("an outage of a case begins with the first packet", "[cases]") {
  KernelCase c = small_case();
  c.outage = {ms(1'000), ms(1'000)};
  CHECK(time_of(c) > kSlowStart + 1'000 * kSegment + ms(1'050));
}

TEST_CASE("rates of a case repeat with their period", "[cases]") {
  KernelCase c = small_case();
  c.bytes *= 10;
  const Nanos steady = time_of(c);
  c.rates = {{Nanos{0}, kByteAMicrosecond}, {ms(500), {kByteAMicrosecond.value / 4}}};
  c.period = ms(1'000);
  const double slower =
      static_cast<double>(time_of(c).count()) / static_cast<double>(steady.count());
  CHECK(slower == Approx(2 / 1.25).epsilon(0.05));
}

TEST_CASE("flows of a case start together and share their link", "[cases]") {
  KernelCase c = small_case();
  c.flows = {{0, 1}, {0, 1}};
  const Nanos both = time_of(c);
  CHECK(both > 2'000 * kSegment);
  CHECK(both < 2'000 * kSegment + ms(350));
}

TEST_CASE("the pieces of a ring follow one another", "[cases]") {
  KernelCase c = small_case();
  c.hosts = 3;
  c.ring = true;
  c.bytes = 3 * 144'800;
  // Four steps, each of 100 segments and a delay; the first one in slow start.
  const Nanos step = 100 * kSegment + ms(50);
  CHECK(time_of(c) >= 4 * step);
  CHECK(time_of(c) <= 4 * step + ms(300));
}

TEST_CASE("a transfer that came before leaves its window, unless it was long ago", "[cases]") {
  KernelCase c = small_case();
  c.idle_before = ms(10);
  const Nanos warm = time_of(c);
  CHECK(about(warm, 1'000 * kSegment + ms(50)));
  c.idle_before = ms(100'000);
  CHECK(about(time_of(c), kSlowStart + warm));
  c.idle_restart = false;
  CHECK(about(time_of(c), warm));
}

TEST_CASE("a small send buffer holds a case up", "[cases]") {
  KernelCase c = small_case();
  c.send_buffer = 4 * 14'480;  // of which three quarters are a window: 30 segments per RTT
  CHECK(time_of(c) > ms(3'300));
}

}  // namespace
}  // namespace strait
