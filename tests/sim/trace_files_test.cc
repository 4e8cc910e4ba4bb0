// Traces in all formats: what they become, and every mistake in one line with file and line.
#include "netsim/trace_files.h"

#include <fmt/format.h>

#include <fstream>

#include "core/base/rng.h"
#include "netsim/emulated_network.h"
#include "tests/conformance/stream_conformance.h"
#include "tests/sim/model_world.h"
#include "tests/sim/network_files.h"
#include "tests/support/catch.h"
#include "tests/support/plain_loop.h"

namespace strait {
namespace {

constexpr std::int64_t kWirePacket = 1514;

/// The trace of link 1.up in a network whose events name `file`, which holds `text`.
LinkTrace trace_of(const std::string& text, const std::string& file = "t.up",
                   const std::string& end = "") {
  const TemporaryFolder folder;
  std::ofstream(folder / "links.csv") << "island,up,down,delay\n*,1mbit,1mbit,1ms\n";
  std::ofstream(folder / "events.csv")
      << "time,kind,subject,value\n3s,trace,1.up," << file << end << "\n";
  std::ofstream(folder / file, std::ios::binary) << text;
  const NetworkFiles files{.links = folder / "links.csv", .events = folder / "events.csv"};
  try {
    const NetworkDescription network = read_network(files, 2, 1);
    CHECK(network.traces.size() == 1);
    CHECK(network.traces[0].link == up_link(1));
    CHECK(network.traces[0].start == ms(3'000));
    return network.traces[0];
  } catch (const UserError& error) {
    const std::string what = error.what(), path = folder.path() + "/";
    throw UserError(what.starts_with(path) ? what.substr(path.size()) : what);
  }
}

std::string complaint_about(const std::string& text, const std::string& file = "t.up") {
  try {
    (void)trace_of(text, file);
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

/// Bytes that the trace lets through up to `time` of a repetition, at most the rounding off.
double capacity(const LinkTrace& trace, Nanos time) {
  double bytes = 0;
  for (std::size_t i = 0; i < trace.rows.size(); ++i) {
    const Nanos next = i + 1 < trace.rows.size() ? trace.rows[i + 1].time : kNever;
    const Nanos part = std::min(next, time) - trace.rows[i].time;
    if (part <= Nanos{0}) break;
    bytes += seconds(part) * static_cast<double>(trace.rows[i].rate->value);
  }
  return bytes;
}

std::string lines_of(const std::vector<std::int64_t>& times) {
  std::string text;
  for (const std::int64_t time : times) text += fmt::format("{}\n", time);
  return text;
}

TEST_CASE("a bare 1 of mahimahi is 12 Mbit/s of IP and never changes", "[traces]") {
  const LinkTrace trace = trace_of("1\n");
  REQUIRE(trace.rows.size() == 1);
  CHECK(trace.rows[0].rate == BytesPerSecond{1'514'000});
  CHECK(trace.period == Nanos{0});
  // Four packets in a millisecond, one in three, with other line ends and comments.
  CHECK(trace_of("1\r\n1\r\n1\r\n1\r\n").rows[0].rate == BytesPerSecond{4 * 1'514'000});
  CHECK(trace_of("# slow\n\n3\n").rows[0].rate == BytesPerSecond{504'667});
}

TEST_CASE("steady mahimahi traces become one rate however far apart packets are", "[traces]") {
  for (const std::int64_t apart : {1, 2, 4, 5, 10, 20, 25, 50, 100}) {
    std::vector<std::int64_t> times;
    for (std::int64_t t = apart; t <= 10'000; t += apart) times.push_back(t);
    const LinkTrace trace = trace_of(lines_of(times));
    INFO(apart << " ms, " << trace.source);
    REQUIRE(trace.rows.size() == 1);
    CHECK(trace.rows[0].rate->value == Approx(kWirePacket * 1000.0 / double(apart)).margin(1));
  }
}

TEST_CASE("a mahimahi trace keeps its capacity at the end of every bin", "[traces]") {
  Rng rng(1, "mahimahi");
  for (int round = 0; round < 50; ++round) {
    // Bursts and pauses of all lengths; packets on average 1 to 60 ms apart.
    std::vector<std::int64_t> times;
    std::int64_t t = static_cast<std::int64_t>(rng.below(3));
    const std::uint64_t apart = 1 + rng.below(60);
    while (t < 20'000) {
      times.push_back(t);
      if (rng.below(3) > 0) t += static_cast<std::int64_t>(rng.below(2 * apart));
      if (rng.below(200) == 0) t += static_cast<std::int64_t>(rng.below(3'000));
    }
    const LinkTrace trace = trace_of(lines_of(times));
    INFO(trace.source << ", packets " << apart << " ms apart");
    REQUIRE(trace.period == ms(times.back()));
    for (const LinkTrace::Row& row : trace.rows) {
      const auto before = std::count_if(times.begin(), times.end(),
                                        [&](std::int64_t time) { return ms(time) <= row.time; });
      if (row.time == Nanos{0}) continue;
      CHECK(capacity(trace, row.time) ==
            Approx(double(before * kWirePacket)).margin(seconds(row.time) + 1));
    }
    CHECK(capacity(trace, trace.period) ==
          Approx(double(times.size()) * kWirePacket).margin(seconds(trace.period) + 1));
  }
}

/// When mahimahi would have let `packets` through that wait from the beginning on.
Nanos mahimahi_time(const std::vector<std::int64_t>& times, std::size_t packets) {
  const auto periods = static_cast<std::int64_t>((packets - 1) / times.size());
  return ms(periods * times.back() + times[(packets - 1) % times.size()]);
}

TEST_CASE("a transfer over a mahimahi trace is done within a bin of mahimahi's own time",
          "[traces]") {
  Rng rng(1, "transfers");
  for (int round = 0; round < 20; ++round) {
    std::vector<std::int64_t> times;
    for (std::int64_t t = 1; t < 8'000; t += static_cast<std::int64_t>(rng.below(8))) {
      times.push_back(t);
      if (rng.below(400) == 0) t += static_cast<std::int64_t>(rng.below(2'000));
    }
    NetworkDescription network = describe_network({{}, {}});
    network.traces = {trace_of(lines_of(times))};
    network.traces[0].link = up_link(0);
    network.traces[0].start = Nanos{0};
    INFO(network.traces[0].source);
    REQUIRE_THAT(network.traces[0].source, Catch::EndsWith("20ms"));
    const std::size_t packets = 1 + rng.below(2 * times.size());
    PlainLoop loop;
    Trace log;
    EmulatedNetwork emulated(loop, log, network, {ideal_tcp(), Bytes{1} << 40});
    conformance::Side a, b;
    Nanos done{0};
    b.on_arrived = [&] { done = loop.now(); };
    emulated.endpoint(conformance::kB).listen([&](PeerId, std::unique_ptr<Stream> stream) {
      b.take(std::move(stream));
    });
    a.take(emulated.endpoint(conformance::kA).dial(conformance::kB, Plane::kData));
    a.offer(conformance::make_slice(static_cast<std::size_t>(kWirePacket) * packets));
    loop.run_until(ms(100'000));
    CHECK(std::abs(seconds(done - mahimahi_time(times, packets))) < 0.021);
  }
}

TEST_CASE("a pause of a mahimahi trace stands still, and bins are as short as packets allow",
          "[traces]") {
  // 12 Mbit/s for 2 s, nothing for 1 s, 12 Mbit/s for 1 s.
  std::vector<std::int64_t> times;
  for (std::int64_t t = 1; t <= 2'000; ++t) times.push_back(t);
  for (std::int64_t t = 3'001; t <= 4'000; ++t) times.push_back(t);
  const LinkTrace trace = trace_of(lines_of(times));
  CHECK(trace.source == "t.up, mahimahi in steps of 20ms");
  REQUIRE(trace.rows.size() == 3);
  CHECK(trace.rows[1].time == ms(2'000));
  CHECK(trace.rows[1].rate == kStandstill);
  CHECK(trace.rows[2].time == ms(3'000));
  CHECK(trace.rows[2].rate == BytesPerSecond{1'514'000});
  // A packet now and then: 30 to 70 ms apart.
  times.clear();
  for (std::int64_t t = 30; t <= 9'000; t += 30 + t % 41) times.push_back(t);
  CHECK(trace_of(lines_of(times)).source == "t.up, mahimahi in steps of 100ms");
}

TEST_CASE("a mobile log is bytes over milliseconds, line by line", "[traces]") {
  const std::string log =
      "1289406399 549692 59.851754 10.781778 248069 1008\n"
      "1289406400 550772 59.851864 10.781833 191698 1080\n"
      "1289406401 551773 59.851964 10.781901 0 1001\n"
      "1289406402 552893 59.85206  10.781969 248971 1120\n";
  const LinkTrace trace = trace_of(log, "report.log");
  CHECK(trace.source == "report.log, mobile log");
  CHECK(trace.period == ms(1008 + 1080 + 1001 + 1120));
  REQUIRE(trace.rows.size() == 4);
  CHECK(trace.rows[0].rate == BytesPerSecond{246'100});
  CHECK(trace.rows[1].time == ms(1008));
  CHECK(trace.rows[1].rate == BytesPerSecond{177'498});
  CHECK(trace.rows[2].rate == kStandstill);
  CHECK(trace.rows[3].time == ms(1008 + 1080 + 1001));
  // As of Ghent: unix time in ms, leading zeros, a first line in which no time has passed.
  const LinkTrace ghent = trace_of(
      "1453121790686 39287 51.03 3.73 0 0\n"
      "1453121792686 40286 51.03 3.73 2728896 0999\n",
      "report_car_0001.log", " clip");
  CHECK(ghent.source == "report_car_0001.log, mobile log, once");
  REQUIRE(ghent.rows.size() == 1);
  CHECK(ghent.rows[0].rate == BytesPerSecond{2'731'628});
}

TEST_CASE("the first line says which format a trace without a known name is", "[traces]") {
  CHECK(trace_of("1\n", "verizon").source == "verizon, mahimahi in steps of 1ms");
  CHECK(trace_of("time,rate,delay\n0s,1mbit,\n1s,,\n", "t.txt").source == "t.txt, CSV");
  CHECK(complaint_about("hello\n", "t.txt") ==
        "t.txt:1: this is no trace: that begins with the header time,rate,delay (CSV), with a "
        "number of milliseconds (mahimahi), or with six numbers (a mobile log)");
  CHECK(complaint_about("\n\n", "t.txt") == "t.txt: the file is empty");
  CHECK(complaint_about("1\n", "t.csv") ==
        "t.csv: column '1' is unknown; the columns are time,rate,delay[,loss]");
}

TEST_CASE("a trace begins anew, or its last row holds for good", "[traces]") {
  const std::string csv = "time,rate,delay,loss\n0s,1mbit,,1%\n1s,,,0\n2s,,,\n";
  CHECK(trace_of(csv, "t.csv").period == ms(2'000));
  CHECK(trace_of(csv, "t.csv", " loop").period == ms(2'000));
  const LinkTrace clipped = trace_of(csv, "t.csv", "  clip");
  CHECK(clipped.period == Nanos{0});
  CHECK(clipped.source == "t.csv, CSV, once");
  REQUIRE(clipped.rows.size() == 2);
  CHECK(clipped.rows[0].loss_ppm == 10'000);
  CHECK(clipped.rows[1].loss_ppm == 0);
  CHECK(!clipped.rows[1].rate);
  // An end is only needed by who begins anew.
  CHECK(trace_of("time,rate,delay\n0s,1mbit,\n1s,2mbit,\n", "t.csv", " clip").rows.size() == 2);
  CHECK(trace_of("20\n20\n40\n", "t.down", " clip").period == Nanos{0});
}

TEST_CASE("mistakes in a mahimahi trace are told", "[traces][mistakes]") {
  const std::pair<std::string, std::string> cases[] = {
      {"",
       "t.up: the file is empty; a mahimahi trace has a millisecond per packet, the last one "
       "above 0"},
      {"0\n0\n",
       "t.up: the last line is 0; a mahimahi trace has a millisecond per packet, the last "
       "one above 0"},
      {"1\n2.5\n",
       "t.up:2: '2.5' is no whole number; a line of a mahimahi trace is the millisecond "
       "in which a packet may leave, e.g. 12"},
      {"1\n99999999999999999999\n",
       "t.up:2: '99999999999999999999' is no whole number; a line of a mahimahi trace is the "
       "millisecond in which a packet may leave, e.g. 12"},
      {"# why\n-4\n", "t.up:2: '-4' is negative; write e.g. 12"},
      {"7\n\n5\n", "t.up:3: '5' is before the line above (7); lines are in the order of time"},
      {"7\n1000007\n",
       "t.up:2: '1000007' is more than 600s after the line above (7); lines are in "
       "milliseconds since the beginning"},
      {"1453121790\n",
       "t.up:1: '1453121790' is more than 600s after the line above (0); lines are "
       "in milliseconds since the beginning"},
      {"1\n\x01\n",
       "t.up:2: the line has a control character in it; save the file as plain UTF-8 text"}};
  for (const auto& [text, line] : cases) CHECK(complaint_about(text) == line);
}

TEST_CASE("mistakes in a mobile log are told", "[traces][mistakes]") {
  const std::string good = "1289406399 549692 59.85 10.78 248069 1008\n";
  const std::pair<std::string, std::string> cases[] = {
      {"1289406400 550772 59.85 10.78 191698\n",
       "t.log:2: 5 columns instead of 6; a line of a mobile log is unix time, ms counter, "
       "latitude, "
       "longitude, bytes and ms since the line above"},
      {"1289406400 550772 59.85 10.78 191698 1080 7\n",
       "t.log:2: 7 columns instead of 6; a line of a mobile log is unix time, ms counter, "
       "latitude, "
       "longitude, bytes and ms since the line above"},
      {"1289406400 550772 59.85 10.78 -5 1080\n",
       "t.log:2: bytes (column 5): '-5' is no whole number from 0"},
      {"1289406400 550772 59.85 10.78 5 1080.5\n",
       "t.log:2: ms (column 6): '1080.5' is no whole number from 0"},
      {"1289406400 550772 159.85 10.78 5 1080\n",
       "t.log:2: latitude (column 3): '159.85' is no number from -90 to 90"},
      {"1289406400 550772 59.85 10..7 5 1080\n",
       "t.log:2: longitude (column 4): '10..7' is no number from -180 to 180"},
      {"1289406400 550772 59.85 10.78 500000000000 1080\n",
       "t.log:2: bytes (column 5): 500000000000 in 1080 ms is more than 1 Tbit/s"},
      {"1289406400 549692 59.85 10.78 5 0\n",
       "t.log:2: bytes (column 5): 5 in 0 ms is more than 1 Tbit/s"},
      {"1289406400 1250692 59.85 10.78 5 701000\n",
       "t.log:2: ms (column 6): 701000 is more than 600s; cut the log there"},
      {"1289406499 649692 59.85 10.78 191698 1080\n",
       "t.log:2: a gap: the ms counter (column 2) went on by 100000, but column 6 says 1080; lines "
       "are missing, or in another order"},
      {"1289406300 540000 59.85 10.78 191698 1080\n",
       "t.log:2: a gap: the ms counter (column 2) went on by -9692, but column 6 says 1080; lines "
       "are missing, or in another order"}};
  for (const auto& [text, line] : cases) CHECK(complaint_about(good + text, "t.log") == line);
  CHECK(
      complaint_about("1289406400 549692 59.85 10.78 0 0\n", "t.log") ==
      "t.log: no time passes in this mobile log; its lines have ms since the line above as column "
      "6");
}

}  // namespace
}  // namespace strait
