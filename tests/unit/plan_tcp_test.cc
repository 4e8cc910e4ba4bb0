// The papers' tables with TCP on the link: transfers go on as they would, and cells need what
// windows and round trips make of them.
#include "apps/papers/papers_tcp.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

TcpPath gigabits(double gbit, Nanos rtt = 30ms) {
  return {.rate = {static_cast<std::int64_t>(gbit * 1e9 / 8)}, .rtt = rtt};
}

double payload_rate(double gbit) { return gbit * 1e9 / 8 * 1448 / 1514; }

const PublishedRow& row_of(const PublishedTable& table, std::string_view model,
                           std::string_view method) {
  for (const PublishedRow& row : table.rows) {
    if (row.model == model && row.method == method) return row;
  }
  throw std::out_of_range("no such row");
}

TEST_CASE("a transfer that is steady goes on as the whole simulation does", "[plan]") {
  struct Case {
    const char* what;
    TcpPath path;
    Bytes bytes;
    double margin;
  };
  TcpPath four = gigabits(1);
  four.connections = 4;
  TcpPath capped = gigabits(10);
  capped.tcp.window_cap = 4 << 20;
  TcpPath lossy = gigabits(1);
  lossy.loss_ppm = 100;
  lossy.connections = 16;
  for (const Case& c : {Case{"one connection", gigabits(1), 5'000'000'000, 0.0005},
                        Case{"a long round trip", gigabits(3, 100ms), 20'000'000'000, 0.0005},
                        Case{"four connections", four, 5'000'000'000, 0.001},
                        Case{"a capped window", capped, 5'000'000'000, 0.02},
                        Case{"losses", lossy, 3'000'000'000, 0.15}}) {
    INFO(c.what);
    TcpService service(c.path, 200'000);
    const TransferCurve& curve = service.curve(TcpService::kLongIdle);
    REQUIRE(curve.simulated_bytes() < 0.5 * static_cast<double>(c.bytes));
    CHECK(curve.seconds(static_cast<double>(c.bytes)) ==
          Approx(service.simulated_seconds(TcpService::kLongIdle, c.bytes)).epsilon(c.margin));
  }
}

TEST_CASE("a long idle connection starts again and a short one hardly", "[plan]") {
  TcpService service(gigabits(10));
  const double bytes = 2e9, full = bytes / payload_rate(10);
  const auto lost = [&](int units) { return service.curve(units).seconds(bytes) - full; };
  // From 10 segments to 24,770 are 11 doublings, of which the last ones fill the link in part.
  CHECK(lost(TcpService::kLongIdle) > 9 * 0.03);
  CHECK(lost(TcpService::kLongIdle) < 12 * 0.03);
  CHECK(lost(1) < 0.03);
  CHECK(lost(4) > lost(1));
  CHECK(lost(8) > lost(4));
}

TEST_CASE("a link with TCP serves one queue of bytes", "[plan]") {
  TcpService service(gigabits(10));
  const TransferCurve& curve = service.curve(TcpService::kLongIdle);
  const double bits = 8e8, delay = 0.015;
  TcpLink link(service);
  CHECK(link.arrives(1, bits) == Approx(1 + curve.seconds(1e8) + delay));
  CHECK(link.arrives(1, bits) == Approx(1 + curve.seconds(2e8) + delay));
  // A pause that is no timeout stops the transfer and nothing else.
  const double free = 1 + curve.seconds(2e8);
  CHECK(link.arrives(free + 0.2, bits) == Approx(1.2 + curve.seconds(3e8) + delay));
  // After a long one it begins anew.
  CHECK(link.arrives(100, bits) == Approx(100 + curve.seconds(1e8) + delay));
  // Two timeouts: the window is not what it was, but more than at first.
  const double again = 100 + curve.seconds(1e8) + 2.5 * 0.23;
  const double took = link.arrives(again, bits) - again - delay;
  CHECK(took == Approx(service.curve(2).seconds(1e8)));
  CHECK(took < curve.seconds(1e8));
}

TEST_CASE("cells need more with TCP, much more where exchanges are short", "[plan]") {
  NeededWithTcp needed({"", 30ms});
  const auto alone_and_tcp = [&](const PublishedRow& row) {
    return std::pair(needed_with_rate_alone(row), needed(row));
  };
  // 90 minutes of computing between exchanges that take minutes: round trips are nothing.
  const auto [large, large_tcp] =
      alone_and_tcp(row_of(scaling_table(), "Llama 3 405B", "DiLoCo, H = 300"));
  for (std::size_t u = 0; u < kUtilizations.size(); ++u) {
    CAPTURE(u);
    REQUIRE(large_tcp[u]);
    CHECK(*large_tcp[u] >= *large[u]);
    CHECK(*large_tcp[u] <= *large[u] * 1.21);
  }
  // 10 s of computing: 99 % leaves 0.1 s, in which no window opens up.
  const auto [small, small_tcp] = alone_and_tcp(row_of(streaming_table(), "1B", "DiLoCo"));
  CHECK(small[4]);
  CHECK(!small_tcp[4]);
  CHECK(*small_tcp[0] <= *small[0] * 1.21);
}

TEST_CASE("one connection that loses one packet in 10,000 reaches no cell", "[plan]") {
  NeededWithTcp needed({"", 30ms, 100});
  for (const PublishedRow& row : streaming_table().rows) {
    for (const auto& rate : needed(row)) CHECK(!rate);
  }
}

TEST_CASE("latency alone bounds data parallelism however fast the link", "[plan]") {
  // 50 ms of 0.85 s: at most 94 %.
  const NeededRates rates =
      NeededWithTcp({"", 100ms})(row_of(streaming_table(), "10B", "data parallel"));
  CHECK(rates[2]);
  CHECK(!rates[3]);
}

TEST_CASE("the tables with TCP have every cell and count its steps", "[plan]") {
  const std::vector<TcpCondition> conditions{{"near", 1ms}, {"far", 30ms}, {"farther", 30ms, 100}};
  int parts = 0;
  const std::string text = papers_tcp_text(conditions, [&](int done, int all) {
    CHECK(done == parts++);
    CHECK(all == 3 * 27);
  });
  CHECK_THAT(text, Catch::Contains("H = 100: rate alone / near / far") &&
                       Catch::Contains("DeepSeek-V3 671B") && Catch::Contains("3 and more") &&
                       Catch::Matches("[^]*\\nfarther +0 +0 +0 +0 +135\n"));
}

}  // namespace
}  // namespace strait
