// What ConnectionCount makes of what it sees, with paths of which each connection's share is known.
#include "core/comm/connection_count.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "tests/support/catch.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

/// A path, and a transport that looks at it as often as it is told to.
struct Watched {
  explicit Watched(int most = 32) : count(most) {}

  /// Data waits for so long.
  void wait(Nanos time) {
    for (const Nanos end = now + time; now < end;) {
      const Nanos step = std::min(end, std::max(count.next_look(), now + 1ms)) - now;
      const int used = std::min(count.wanted(), open);
      now += step;
      figures.acked += static_cast<Bytes>(seconds(step) * rate(used));
      figures.busy += used * step;
      if (held_up) figures.held_up += used * step;
      count.look({.now = now,
                  .used = used,
                  .figures = figures,
                  .waited = waited,
                  .others_wait = others_wait});
      waited = true;
      seen.push_back(count.wanted());
    }
  }
  /// And then there is none.
  void pause(Nanos time) {
    now += time;
    waited = false;
  }
  int changes() const {
    int n = 0;
    for (std::size_t i = 1; i < seen.size(); ++i) n += seen[i] != seen[i - 1];
    return n;
  }

  ConnectionCount count;
  Nanos now{0};
  StreamFigures figures{.rtt = 100ms, .least_rtt = 100ms};
  bool waited = false, held_up = false, others_wait = false;
  int open = 64;
  std::function<double(int)> rate;  // bytes/s of so many connections
  std::vector<int> seen;
};

/// Each connection carries one unit, the path `path` of them.
std::function<double(int)> units(double path) {
  return [path](int n) { return 1e6 * std::min<double>(n, path); };
}

TEST_CASE("as many connections as fill the path", "[connections]") {
  struct Row {
    double path;  // in connections
    bool held_up;
    int wanted;
  };
  for (const Row row : std::vector<Row>{{1, false, 1},
                                        {1.02, true, 1},
                                        {1.5, true, 2},
                                        {2, true, 2},
                                        {3.5, true, 4},
                                        {3.5, false, 4},
                                        {14, true, 16},
                                        {14, false, 16},
                                        {16.2, true, 16},
                                        {1000, true, 32},
                                        {1000, false, 32}}) {
    INFO("a path of " << row.path << " connections, held up: " << row.held_up);
    Watched path;
    path.rate = units(row.path);
    path.held_up = row.held_up;
    path.wait(30s);
    CHECK(path.count.wanted() == row.wanted);
  }
}

TEST_CASE("no more connections than allowed", "[connections]") {
  for (const int most : {1, 2, 5, 16}) {
    Watched path(most);
    path.rate = units(1000);
    path.wait(60s);
    CHECK(path.count.wanted() <= most);
    CHECK(2 * path.count.wanted() > most);
  }
}

TEST_CASE("a near path keeps one connection", "[connections]") {
  Watched path;
  path.figures.rtt = path.figures.least_rtt = 200us;
  path.held_up = true;
  path.rate = units(1000);
  path.wait(60s);
  CHECK(path.count.wanted() == 1);
}

TEST_CASE("four times as many connections may help where twice do not", "[connections]") {
  Watched path;
  path.rate = [](int n) { return n < 4 ? 1e6 : 2e6; };
  path.wait(30s);
  CHECK(path.count.wanted() == 4);
}

TEST_CASE("a full path is tried more and more seldom", "[connections]") {
  Watched path;
  path.rate = units(1);
  path.wait(60s);
  const int early = path.changes();
  CHECK(early > 0);
  path.wait(10min);
  CHECK(path.changes() <= 5 * early);
  CHECK(std::count_if(path.seen.begin(), path.seen.end(), [](int n) { return n > 1; }) <
        static_cast<std::ptrdiff_t>(path.seen.size() / 10));
}

TEST_CASE("a path that has become wider is tried at once", "[connections]") {
  Watched path;
  path.rate = units(1);
  path.wait(20s);
  REQUIRE(path.count.wanted() == 1);
  path.rate = [](int n) { return 2 * units(4)(n); };
  path.wait(20s);
  CHECK(path.count.wanted() == 4);
}

TEST_CASE("a goodput that rises by itself is not judged", "[connections]") {
  Watched path;
  const Nanos ready = 20s;
  path.rate = [&](int) { return 1e6 * std::min(1.0, 0.1 + seconds(path.now) / seconds(ready)); };
  path.wait(ready - 2s);
  CHECK(path.count.wanted() == 1);
}

TEST_CASE("nothing is taken from other peers where a queue stands", "[connections]") {
  for (const bool queue : {false, true}) {
    for (const bool others : {false, true}) {
      INFO("queue: " << queue << ", others wait: " << others);
      Watched path;
      path.rate = units(8);
      path.figures.rtt = queue ? 180ms : 110ms;
      path.others_wait = others;
      path.wait(30s);
      CHECK(path.count.wanted() == (queue && others ? 1 : 8));
      path.held_up = true;  // our own windows are the limit
      path.wait(30s);
      CHECK(path.count.wanted() == 8);
    }
  }
}

TEST_CASE("what a burst has taught is kept for the next one", "[connections]") {
  Watched path;
  path.rate = units(7);
  path.held_up = true;
  int bursts = 0;
  for (; bursts < 30 && path.count.wanted() < 8; ++bursts) {
    const int before = path.count.wanted();
    path.wait(2s);
    path.pause(58s);
    CHECK(path.count.wanted() >= before);
  }
  CHECK(bursts > 1);
  CHECK(bursts < 8);
}

TEST_CASE("a burst in which windows open up teaches nothing", "[connections]") {
  Watched path;
  path.rate = units(7);
  path.held_up = true;
  for (int i = 0; i < 30; ++i) {
    path.wait(900ms);
    path.pause(59s);
  }
  CHECK(path.count.wanted() == 1);
}

TEST_CASE("an outage says nothing about the connections", "[connections]") {
  Watched path;
  path.rate = units(4);
  path.held_up = true;
  path.wait(15s);
  REQUIRE(path.count.wanted() == 4);
  path.now += 20s;  // nobody looks
  path.wait(5s);
  CHECK(path.count.wanted() == 4);
}

TEST_CASE("a lost session keeps what was found and ends what was tried", "[connections]") {
  Watched path;
  path.rate = units(1000);
  path.held_up = true;
  while (path.count.wanted() < 4) path.wait(100ms);
  path.count.lost();
  path.figures = {.rtt = 100ms, .least_rtt = 100ms};
  path.waited = false;
  CHECK(path.count.wanted() == 2);
  path.wait(20s);
  CHECK(path.count.wanted() == 2);  // not again at once
  path.wait(40s);
  CHECK(path.count.wanted() == 32);
}

TEST_CASE("connections that do not come are waited for", "[connections]") {
  Watched path;
  path.rate = units(1000);
  path.held_up = true;
  path.open = 1;
  path.wait(60s);
  CHECK(path.count.wanted() == 2);
  path.open = 64;
  path.wait(20s);
  CHECK(path.count.wanted() == 32);
}

}  // namespace
}  // namespace strait
