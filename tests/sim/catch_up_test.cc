// A coordinator takes a copy of what islands share, while they go on and come and go.
#include "core/comm/catch_up.h"

#include <map>
#include <memory>

#include "backends/fabric.h"
#include "tests/support/catch.h"
#include "tests/support/plain_loop.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kFloats = 500'000;  // a second on a line of 16 Mbit/s

/// Parameters and momentum after a round: the same on all islands.
SharedState state_after(std::uint32_t round) {
  SharedState state;
  for (const float scale : {1.0f, 0.5f}) {
    auto& buffer = state.buffers.emplace_back(kFloats);
    for (std::size_t i = 0; i < kFloats; ++i) {
      buffer[i] = scale * static_cast<float>(i + 1000 * round);
    }
  }
  return state;
}

/// Three islands with access lines, the coordinator beside the first.
struct Copying {
  Copying() {
    const AccessLink line{BytesPerSecond{2'000'000}, BytesPerSecond{2'000'000}, 10ms};
    fabric = make_fabric("emulated", loop, trace,
                         {.islands = 3, .description = describe_network({line, line, line})});
    coordinator = make(PeerId::kCoordinator);
    copier = std::make_unique<CatchUp>(*coordinator, CatchUpOptions{.donor_timeout = 20s});
    for (IslandId i = 0; i < 3; ++i) {
      islands[i] = make(peer_of(i));
      donors[i] = std::make_unique<CatchUp>(*islands[i], CatchUpOptions{});
      donors[i]->serve([this, i] { return state_after(rounds[i]); });
      is_at(i, 4);
    }
    loop.run_until(1s);
  }

  std::unique_ptr<Transport> make(PeerId self) {
    auto made =
        std::make_unique<Transport>(loop, fabric->endpoint(self), ledger, trace,
                                    TransportOptions{.self = self, .run_id = 1, .incarnation = 1});
    made->connect({PeerId::kCoordinator, peer_of(0), peer_of(1), peer_of(2)});
    return made;
  }

  void is_at(IslandId island, std::uint32_t round) {
    rounds[island] = round;
    donors[island]->state_is(round);
  }

  void dies(IslandId island) {
    donors[island].reset();
    islands[island].reset();
  }

  void ask(std::vector<IslandId> whom, std::uint32_t after, std::uint32_t buffers = 9) {
    std::vector<PeerId> peers;
    for (const IslandId island : whom) peers.push_back(peer_of(island));
    const auto drive = [](Copying& self, std::vector<PeerId> from, std::uint32_t round,
                          std::uint32_t most) -> Async<Done> {
      Async<Outcome<StateCopy>> copying = self.copier->copy(std::move(from), round, most);
      Outcome<StateCopy> copy = co_await copying;
      self.got.emplace(std::move(copy));
      self.got_at = self.loop.now();
      co_return Done{};
    };
    scope.spawn(drive(*this, std::move(peers), after, buffers));
  }

  /// Whether there is a whole copy of the state after `round`.
  bool has(std::uint32_t round) const {
    return got && got->ok() && got->value().round == round &&
           got->value().state.buffers == state_after(round).buffers;
  }

  PlainLoop loop;
  Trace trace;
  Ledger ledger;
  std::unique_ptr<Fabric> fabric;
  std::map<IslandId, std::uint32_t> rounds;
  std::unique_ptr<Transport> coordinator;
  std::map<IslandId, std::unique_ptr<Transport>> islands;
  std::unique_ptr<CatchUp> copier;
  std::map<IslandId, std::unique_ptr<CatchUp>> donors;
  std::optional<Outcome<StateCopy>> got;
  Nanos got_at{0};
  Scope scope;
};

TEST_CASE("a coordinator gets a copy of parameters and outer state", "[catch_up]") {
  Copying c;
  c.ask({1, 2}, 3);
  c.loop.run_until(10s);
  CHECK(c.has(4));
  // 4 MB at 2 MB/s, after a round trip.
  CHECK(c.got_at > 3s);
  CHECK(c.got_at < 3500ms);
}

TEST_CASE("a copy of the parameters alone takes half the bytes", "[catch_up]") {
  Copying c;
  c.ask({1}, 3, /*buffers=*/1);
  c.loop.run_until(10s);
  REQUIRE((c.got && c.got->ok()));
  CHECK(c.got->value().state.buffers ==
        std::vector<std::vector<float>>{state_after(4).buffers.front()});
  CHECK(c.got_at > 2s);
  CHECK(c.got_at < 2500ms);
}

TEST_CASE("a copy is of one round, though the donor goes on meanwhile", "[catch_up]") {
  Copying c;
  c.ask({1}, 3);
  c.loop.run_until(1500ms);
  c.donors[1]->state_changes();
  c.is_at(1, 5);
  c.loop.run_until(10s);
  CHECK(c.has(4));
}

TEST_CASE("a state that is being changed is copied when it has been", "[catch_up]") {
  Copying c;
  c.donors[1]->state_changes();
  c.ask({1}, 3);
  c.loop.run_until(5s);
  CHECK_FALSE(c.got);
  c.is_at(1, 5);
  c.loop.run_until(10s);
  CHECK(c.has(5));
}

TEST_CASE("another donor goes on with the copy of one that dies", "[catch_up]") {
  Copying c;
  c.ask({1, 2}, 3);
  c.loop.run_until(2500ms);  // three quarters of it are there
  CHECK_FALSE(c.got);
  c.dies(1);
  c.loop.run_until(20s);
  CHECK(c.has(4));
  CHECK(c.got_at < 3700ms);
}

TEST_CASE("a donor that cannot be reached is asked last", "[catch_up]") {
  Copying c;
  c.dies(1);
  c.loop.run_until(2s);
  c.ask({1, 2}, 3);
  c.loop.run_until(10s);
  CHECK(c.has(4));
}

TEST_CASE("a copy of a donor that dies is thrown away for a newer one", "[catch_up]") {
  Copying c;
  c.ask({1, 2}, 3);
  c.loop.run_until(2500ms);
  c.is_at(2, 6);
  c.dies(1);
  c.loop.run_until(20s);
  CHECK(c.has(6));
}

TEST_CASE("there is no copy where nobody has something newer", "[catch_up]") {
  Copying c;
  SECTION("they have it already") { c.ask({0, 1, 2}, 4); }
  SECTION("they are dead") {
    c.dies(1);
    c.ask({1}, 0);
  }
  SECTION("there is nobody") { c.ask({}, 0); }
  c.loop.run_until(2min);
  REQUIRE(c.got);
  CHECK_FALSE(c.got->ok());
  // The next one is another matter.
  c.got.reset();
  c.ask({2}, 3);
  c.loop.run_until(4min);
  CHECK(c.has(4));
}

TEST_CASE("a copy is a state even where the missed means are there", "[catch_up]") {
  Copying c;
  const auto codec = make_codec("fp32");
  KeptMean mean{.round = 4, .pieces = {}};
  mean.pieces.push_back({.begin = 0,
                         .end = 10,
                         .codec = codec.get(),
                         .bytes = make_message(std::vector<std::byte>(40))});
  c.donors[1]->keep(std::move(mean));
  c.ask({1}, 3);
  c.loop.run_until(10s);
  CHECK(c.has(4));
}

}  // namespace
}  // namespace strait
