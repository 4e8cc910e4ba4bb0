// News: told in order and heard once, across lost sessions and coordinators that start anew.
#include "core/comm/news.h"

#include <memory>

#include "backends/loopback/pipe.h"
#include "tests/support/catch.h"
#include "tests/support/plain_loop.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

constexpr PeerId kDesk = PeerId::kCoordinator, kIsland = peer_of(0);

std::vector<std::byte> text(const std::string& words) {
  const auto* bytes = reinterpret_cast<const std::byte*>(words.data());
  return {bytes, bytes + words.size()};
}

/// A coordinator and an island over a pipe; either can end and begin another life.
struct NewsPair {
  NewsPair() {
    start_coordinator();
    start_island();
    run();
  }

  std::unique_ptr<Transport> make(PeerId self, std::uint64_t life) {
    auto made = std::make_unique<Transport>(
        loop, network.endpoint(self), ledger, trace,
        TransportOptions{.self = self, .run_id = 1, .incarnation = life});
    made->connect({kDesk, kIsland});
    return made;
  }
  void start_coordinator() {
    desk.reset();
    at_desk = make(kDesk, ++lives);
    desk = std::make_unique<NewsDesk>(
        *at_desk, [this](IslandId from, std::span<const std::byte> news) {
          CHECK(from == 0);
          heard += std::string(reinterpret_cast<const char*>(news.data()), news.size()) + ".";
        });
  }
  void start_island() {
    teller.reset();
    at_island = make(kIsland, ++lives);
    teller = std::make_unique<NewsTeller>(*at_island);
  }
  void run(Nanos time = 10s) { loop.run_until(loop.now() + time); }

  PlainLoop loop;
  Trace trace;
  Ledger ledger;
  PipeNetwork network{loop, 2};
  std::uint64_t lives = 0;
  std::string heard;
  std::unique_ptr<Transport> at_desk, at_island;
  std::unique_ptr<NewsDesk> desk;
  std::unique_ptr<NewsTeller> teller;
};

TEST_CASE("news arrive in order and are confirmed", "[news]") {
  NewsPair pair;
  pair.teller->tell(text("a"));
  pair.teller->tell(text(""));
  pair.teller->tell(text("b"));
  CHECK_FALSE(pair.teller->all_heard());
  pair.run();
  CHECK(pair.heard == "a..b.");
  CHECK(pair.teller->all_heard());
  CHECK_FALSE(pair.teller->over());
}

TEST_CASE("what a lost session swallowed is told again and heard once", "[news]") {
  for (const bool at_desk : {false, true}) {
    NewsPair pair;
    for (int i = 0; i < 20; ++i) {
      pair.teller->tell(text(std::to_string(i)));
      if (i % 3 == 1) pair.run(1us * i);
      if (i % 4 == 2) {
        (at_desk ? *pair.at_desk : *pair.at_island)
            .drop(at_desk ? kIsland : kDesk, {FailureKind::kTimeout, "test"});
      }
    }
    pair.run(1min);
    std::string all;
    for (int i = 0; i < 20; ++i) all += std::to_string(i) + ".";
    CHECK(pair.heard == all);
    CHECK(pair.teller->all_heard());
  }
}

TEST_CASE("a coordinator that starts anew hears what was not confirmed", "[news]") {
  NewsPair pair;
  pair.teller->tell(text("a"));
  pair.run();
  pair.desk.reset();
  pair.at_desk.reset();
  pair.teller->tell(text("b"));
  pair.run();
  pair.start_coordinator();
  pair.teller->tell(text("c"));
  pair.run(1min);
  CHECK(pair.heard == "a.b.c.");
}

TEST_CASE("another life of an island counts from the beginning", "[news]") {
  NewsPair pair;
  pair.teller->tell(text("a"));
  pair.teller->tell(text("b"));
  pair.run();
  pair.start_island();
  pair.teller->tell(text("c"));
  pair.run(1min);
  CHECK(pair.heard == "a.b.c.");
}

TEST_CASE("the end of the run is told to those who are there and who come later", "[news]") {
  NewsPair pair;
  int changes = 0;
  pair.teller->on_change([&] { ++changes; });
  pair.desk->say_over();
  pair.run();
  CHECK(pair.teller->over());
  CHECK(changes == 1);
  pair.start_island();
  pair.run(1min);
  CHECK(pair.teller->over());
}

}  // namespace
}  // namespace strait
