// Every scenario of the library does what it is for: run as it is, and compared with what can be
// worked out by hand or with the same run without the thing that it shows.
#include <map>
#include <optional>

#include "core/base/files.h"
#include "tests/run/scenario_run.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

namespace strait {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

struct Interval {
  Nanos from{0}, to{0};
  bool meets(Nanos begin, Nanos end) const { return from < end && to > begin; }
};

/// When any link was down.
std::vector<Interval> outages(const ScenarioRun& run) {
  std::vector<Interval> result;
  std::map<std::int64_t, Nanos> down;
  for (const TraceRecord& event : run.result.events) {
    if (event.kind == TraceKind::kLinkDown) down[event.a] = event.time;
    if (event.kind == TraceKind::kLinkUp) result.push_back({down.at(event.a), event.time});
  }
  return result;
}

bool meets_any(const std::vector<Interval>& intervals, Nanos begin, Nanos end) {
  return std::any_of(intervals.begin(), intervals.end(),
                     [&](const Interval& i) { return i.meets(begin, end); });
}

// A round computes for 2 s, and island 3 sends its contribution to three owners and its mean to
// three others: six quarters of 256 KiB, 3.1 s at 1 Mbit/s; the others need 0.22 s for theirs.
TEST_CASE("home_dsl takes twice as long for one slow line", "[scenario]") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "links.csv",
                        "island,up,down,delay,loss\n*,14mbit,64mbit,15ms,0.05%\n");
  const ScenarioRun slow = run_scenario("home_dsl");
  const ScenarioRun usual = run_scenario("home_dsl", {"--network.links", folder / "links.csv"});
  const Nanos upload = transfer_time(6 * 65'536, megabits(1));
  CHECK(slow.time() > slow.rounds() * (2s + upload));
  // Headers take 145 ms of the line, acknowledgements of what comes in up to as much, and there are
  // round trips of 80 ms.
  CHECK(slow.time() < slow.rounds() * (2s + upload + 600ms));
  CHECK(seconds(usual.time()) / seconds(slow.time()) > 0.40);
  CHECK(seconds(usual.time()) / seconds(slow.time()) < 0.55);
  CHECK(slow.link("3.up").busy > 20 * upload);
  CHECK(slow.link("0.up").busy < slow.link("3.up").busy / 9);
  CHECK(usual.result.parameter_hash == slow.result.parameter_hash);
}

// Frankfurt and Ashburn exchange 256 KiB each way, twice in a round: with a window of 64 KiB that
// takes three round trips of 92 ms and one way, twice, whatever the rate.
TEST_CASE("transatlantic is held back by windows, not by its rate", "[scenario]") {
  const auto run = [](const char* window, const char* connections = "1") {
    return run_scenario("transatlantic", {"--network.window", window, "--collective.piece", "32KiB",
                                          "--collective.connections", connections});
  };
  const ScenarioRun narrow = run("64KiB"), wider = run("128KiB"), wide = run("4MiB");
  const ScenarioRun four = run("64KiB", "4");
  CHECK(narrow.time() > narrow.rounds() * (1s + 2 * (3 * 92ms + 46ms)));
  CHECK(wider.time() < narrow.time() - narrow.rounds() * 100ms);
  CHECK(wide.time() < wider.time());
  CHECK(four.time() < narrow.time() - narrow.rounds() * 100ms);
  const ScenarioRun open = run_scenario("transatlantic", {"--network.tcp", "ideal"});
  CHECK(open.time() < wide.time() - wide.rounds() * 100ms);
  // The rate would need a tenth of it.
  CHECK(wide.link("0>2").busy < (wide.time() - wide.rounds() * 1s) / 10);
  CHECK(four.result.parameter_hash == narrow.result.parameter_hash);
}

TEST_CASE("flaky_wifi is slower in the rounds that a dropout hits, and nowhere else",
          "[scenario]") {
  // With ideal links, where a round differs by the dropouts alone.
  const auto run = [](const std::string& key, const std::string& value) {
    return run_scenario("flaky_wifi", {"--network.tcp", "ideal", key, value});
  };
  const ScenarioRun flaky = run("--seed", "1"), again = run("--seed", "1");
  const ScenarioRun steady = run("--network.events", "");
  const auto away = outages(flaky);
  int slower = 0;
  for (int r = 1; r <= flaky.rounds(); ++r) {
    if (flaky.round_time(r) < steady.round_time(r) + 500ms) continue;
    ++slower;
    CAPTURE(r);
    CHECK(meets_any(away, flaky.begin(r), flaky.end(r)));
  }
  CHECK(slower >= 2);
  CHECK(flaky.time() > steady.time() + slower * 500ms);
  CHECK(flaky.result.parameter_hash == steady.result.parameter_hash);
  CHECK(flaky.result.costs.trace_hash == again.result.costs.trace_hash);
  const ScenarioRun other = run("--seed", "2");
  CHECK(other.when(TraceKind::kLinkDown, 0) != flaky.when(TraceKind::kLinkDown, 0));
}

/// What the link's trace lets through between two times.
double capacity(const LinkTrace& trace, Nanos begin, Nanos end) {
  double bytes = 0;
  for (Nanos period = trace.start; period < end; period += trace.period) {
    for (std::size_t i = 0; i < trace.rows.size(); ++i) {
      const Nanos from = period + trace.rows[i].time;
      const Nanos to = period + (i + 1 < trace.rows.size() ? trace.rows[i + 1].time : trace.period);
      const Nanos part = std::min(to, end) - std::max(from, begin);
      if (part > Nanos{0}) bytes += seconds(part) * static_cast<double>(trace.rows[i].rate->value);
    }
  }
  return bytes;
}

// Each island sends six quarters of 256 KiB in each round. 10 Mbit/s up until its trace begins.
TEST_CASE("lte exchanges as fast as the slowest trace lets it", "[scenario]") {
  // With ideal links, where a round differs by the traces alone.
  const ScenarioRun lte = run_scenario("lte", {"--network.tcp", "ideal"});
  const double upload = 6 * 65'536;
  Nanos over{0}, between{0};
  int over_count = 0;
  for (int r = 1; r <= lte.rounds(); ++r) {
    CAPTURE(r);
    const Nanos begin = lte.begin(r) + lte.compute(), end = lte.end(r);
    double least = 1e18;
    bool handover = false;
    for (const LinkTrace& trace : lte.network.traces) {
      if (trace.link % 2 == 1) continue;
      const Nanos before = std::max(Nanos{0}, std::min(end, trace.start) - begin);
      least = std::min(least, capacity(trace, begin, end) + 1.25e6 * seconds(before));
      for (Nanos t = trace.start; t < end; t += 40s) {
        handover = handover || Interval{t, t + 300ms}.meets(begin, end);
      }
    }
    CHECK(least > upload);        // nobody is faster than its trace,
    CHECK(least < 3.5 * upload);  // and no round much slower
    (handover ? over : between) += end - begin;
    over_count += handover;
  }
  REQUIRE(over_count > 2);
  REQUIRE(over_count < lte.rounds() - 2);
  CHECK(over / over_count > between / (lte.rounds() - over_count) * 5 / 4);
}

TEST_CASE("satellite loses seconds when the sky closes over a round", "[scenario]") {
  const TemporaryFolder folder;
  write_file_atomically(folder / "events.csv",
                        "time,kind,subject,value\n20s,rate,farm-a.down,6mbit\n20s,loss,farm-a,2%\n"
                        "45s,rate,farm-a.down,19mbit\n45s,loss,farm-a,0.2%\n");
  // With ideal links, where rounds begin at the same times in both.
  const ScenarioRun shower = run_scenario("satellite", {"--network.tcp", "ideal"});
  const ScenarioRun open = run_scenario(
      "satellite", {"--network.tcp", "ideal", "--network.events", folder / "events.csv"});
  const Interval closed{30s, 34s};
  int hit = 0;
  for (int r = 1; r <= shower.rounds(); ++r) {
    if (!closed.meets(shower.begin(r) + shower.compute(), shower.end(r))) continue;
    CAPTURE(r);
    ++hit;
    CHECK(shower.round_time(r) > open.round_time(r) + 1s);
    CHECK(shower.round_time(r) < open.round_time(r) + 8s);
  }
  CHECK(hit == 1);
  CHECK(shower.result.parameter_hash == open.result.parameter_hash);
  // There and back twice, farm to farm, is the least that a round waits.
  for (int r = 1; r <= open.rounds(); ++r) CHECK(open.exchange(r) > 1360ms);
}

TEST_CASE("datacenter computes", "[scenario]") {
  const ScenarioRun run = run_scenario("datacenter");
  CHECK(run.waiting() < 0.005);
  CHECK(run.time() >= run.rounds() * run.compute());
  CHECK(seconds(run.time()) < 1.01 * seconds(run.rounds() * run.compute()));
}

/// How long the link needs for all that it carried.
Nanos carrying(const LinkCounters& link, BytesPerSecond rate) {
  return transfer_time(link.payload + link.header, rate);
}

// In each round four islands send four others an eighth of 1 MiB twice: 4 MiB in each direction.
// (LinkCounters::busy would not do: an access link is busy as long as the pipe lets a flow wait.)
TEST_CASE("two_regions waits for the pipe between them", "[scenario]") {
  const ScenarioRun run = run_scenario("two_regions", {"--network.tcp", "ideal"});
  const Bytes across = run.rounds() * 4 * 1024 * 1024;
  const Nanos exchanges = run.time() - run.rounds() * run.compute();
  for (const char* pipe : {"eastbound", "westbound"}) {
    CAPTURE(pipe);
    CHECK(run.link(pipe).payload > across);
    CHECK(run.link(pipe).payload < across + across / 100);
    CHECK(carrying(run.link(pipe), megabits(100)) > exchanges / 2);
    // Whenever anybody uses it, it is full.
    CHECK(carrying(run.link(pipe), megabits(100)) >= run.link(pipe).busy * 99 / 100);
  }
  for (int i = 0; i < 8; ++i) {
    for (const char* direction : {".up", ".down"}) {
      const std::string name = std::to_string(i) + direction;
      CAPTURE(name);
      CHECK(carrying(run.link(name), megabits(1000)) < exchanges / 20);
    }
  }
}

/// The first and the last round at or after `from` to which the island contributed; 0: none.
std::pair<int, int> rounds_of(const ScenarioRun& run, IslandId island, Nanos from) {
  int first = 0, last = 0;
  for (int r = run.rounds(); r >= 1 && run.begin(r) >= from; --r) {
    if (!run.contributed(island, r)) continue;
    first = r;
    if (last == 0) last = r;
  }
  return {first, last};
}

TEST_CASE("volunteers come and go, and the rounds go on with ten and more", "[scenario]") {
  const ScenarioRun run = run_scenario("volunteers");
  REQUIRE(run.rounds() == 40);
  for (int r = 1; r <= 40; ++r) {
    CAPTURE(r);
    CHECK(run.row(r).roster.contributors().size() >= 10);
    CHECK(run.row(r).roster.contributors().size() + static_cast<std::size_t>(run.row(r).missing) ==
          16);
    // Those who are not there: 5 from its boundary after 8 s to 34 s, 9 from 12 s to 24 s, 14 and
    // 15 until they come, 11 from 40 s on, 2 from 46 s on.
    const Nanos end = run.end(r);
    if (run.begin(r) > 8s + 3s && end < 34s) CHECK(!run.contributed(5, r));
    if (end > 12s && end < 24s) CHECK(!run.contributed(9, r));
    if (end < 15s) CHECK(!run.contributed(14, r));
    if (end < 25s) CHECK(!run.contributed(15, r));
    if (end > 40s) CHECK(!run.contributed(11, r));
    if (end > 46s) CHECK(!run.contributed(2, r));
  }
  // Who comes catches up and takes part soon, until the end.
  const std::pair<IslandId, Nanos> comers[] = {{14, 15s}, {15, 25s}, {9, 24s}, {5, 34s}};
  for (const auto& [island, time] : comers) {
    CAPTURE(island);
    CHECK(run.when(TraceKind::kIslandJoined, island) == time);
    CHECK(run.when(TraceKind::kCaughtUp, island) > time);
    const auto [first, last] = rounds_of(run, island, time);
    CHECK(run.begin(first) < time + 12s);
    CHECK(last == 40);
  }
  // Silent since 40 s: expelled after rounds.peer_timeout = 6 s, and the round ends soon then.
  // Three seconds of silence or pause expel nobody.
  CHECK(run.when(TraceKind::kExpelled, 11) >= 45s);
  CHECK(run.when(TraceKind::kExpelled, 11) <= 48s);
  CHECK(run.when(TraceKind::kExpelled, 3) == Nanos::max());
  CHECK(run.when(TraceKind::kExpelled, 7) == Nanos::max());
  for (int r = 1; r <= 40; ++r) CHECK(run.round_time(r) < 10s);
  CHECK(run.time() < 125s);
}

// These seeds' bursts hit one island's few control packets again and again: it would be away for 18
// and 6 minutes if it waited for TCP's patience.
TEST_CASE("an island whose control packets are all lost dials anew", "[scenarios]") {
  for (const char* seed : {"1", "5"}) {
    CAPTURE(seed);
    const ScenarioRun run = run_scenario(
        "shared_house", {"--task.name", "quadratic", "--pretrain.steps", "0", "--seed", seed});
    CHECK(run.time() < 180s);
  }
}

}  // namespace
}  // namespace strait
