// Rounds and the coordinator: who is told what when, and what the journal and the ledger say.
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "backends/loopback/pipe.h"
#include "backends/world.h"
#include "core/base/rng.h"
#include "core/comm/round_messages.h"
#include "core/comm/tags.h"
#include "tests/support/catch.h"
#include "tests/support/plain_loop.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

WorldOptions over(const std::string& network, int islands) {
  WorldOptions options{.islands = islands, .network = network};
  options.fabric.islands = islands;
  if (network == "emulated") {
    options.fabric.description = describe_network(std::vector<AccessLink>(
        static_cast<std::size_t>(islands), {megabits(10), megabits(20), Nanos{40ms}}));
  }
  return options;
}

std::string text_of(Storage& storage) {
  const auto bytes = storage.read("journal.txt");
  if (!bytes) return {};
  return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

/// What an island does in a round, and how it ended.
struct Plan {
  Nanos compute{0};
  RoundRequest request;
  std::size_t elements = 1000;
};

struct Ended {
  bool ok = false;
  Failure failure;
  Roster roster;
  std::vector<float> mean;
};

/// One round on every island; each contributes its number plus one, everywhere.
std::vector<Ended> run_round(World& world, const std::vector<Plan>& plans) {
  std::vector<Ended> ended(plans.size());
  world.run([&](IslandId i, World::Ports& ports) {
    const Plan& plan = plans[static_cast<std::size_t>(i)];
    Ended& end = ended[static_cast<std::size_t>(i)];
    auto in = std::make_unique<std::vector<float>>(plan.elements, static_cast<float>(i + 1));
    end.mean.assign(plan.elements, -1);
    ports.clock.compute(plan.compute, [] {});
    RoundRequest request = plan.request;
    request.in = *in;
    request.out = end.mean;
    const auto result = ports.rounds->start(request).wait();
    in.reset();                             // ours again, whatever came out
    ports.clock.compute(Nanos{5s}, [] {});  // events go on without it
    end.ok = result.ok() && result.value().end == RoundEnd::kCommitted;
    if (result.ok()) {
      end.roster = result.value().roster;
      if (!end.ok) end.failure.what = "missed";
    } else {
      end.failure = result.failure();
    }
  });
  return ended;
}

TEST_CASE("a round commits when the last island has arrived", "[rounds]") {
  for (const std::string network : {"pipe", "emulated"}) {
    INFO(network);
    SimulatedStorage journal;
    World world(over(network, 3), journal);
    Nanos committed{0};
    world.listen([&](const TraceRecord& record) {
      if (record.kind == TraceKind::kRound) committed = record.time;
    });
    // Island 2 has nothing to contribute and only receives.
    const auto ended = run_round(world, {{1s, {.round = 1, .weight = 1, .shared_hash = 0xabc}},
                                         {9s, {.round = 1, .weight = 3, .shared_hash = 0xabc}},
                                         {2s, {.round = 1, .weight = 0, .shared_hash = 0xabc}}});
    for (const Ended& end : ended) {
      REQUIRE(end.ok);
      CHECK(end.mean == std::vector<float>(1000, 0.25f * 1 + 0.75f * 2));
      REQUIRE(end.roster.members.size() == 3);
      CHECK(end.roster.members[0].weight == 0.25f);
      CHECK(end.roster.members[1].weight == 0.75f);
      CHECK(end.roster.members[2].weight == 0.0f);
    }
    CHECK(committed >= 9s);
    CHECK(text_of(journal) ==
          "start epoch=0\n"
          "commit round=1 epoch=0 before=0000000000000abc members=0,1,2\n");
    CHECK(world.ledger().total(Cause::kPayload, 1) == world.ledger().total(Cause::kPayload));
    CHECK(world.ledger().total(Cause::kAborted) == 0);
  }
}

void check_all_told(const std::vector<Ended>& ended, const std::string& why) {
  for (const Ended& end : ended) {
    CHECK_FALSE(end.ok);
    CHECK(end.failure.kind == FailureKind::kAborted);
    CHECK(end.failure.what == why);
  }
}

TEST_CASE("an island at another round is named to everybody", "[rounds]") {
  SimulatedStorage journal;
  World world(over("emulated", 3), journal);
  check_all_told(
      run_round(world, {{9s, {.round = 1}}, {1s, {.round = 2}}, {2s, {.round = 1}}}),
      "island 1 is at round 2, the run at round 1; is the journal journal.txt that of this "
      "run?");
  CHECK(text_of(journal) == "start epoch=0\n");
}

TEST_CASE("different shared parameters are named to everybody", "[rounds]") {
  SimulatedStorage journal;
  World world(over("pipe", 3), journal);
  check_all_told(run_round(world, {{0s, {.round = 1, .shared_hash = 5}},
                                   {0s, {.round = 1, .shared_hash = 5}},
                                   {0s, {.round = 1, .shared_hash = 6}}}),
                 "islands 0 and 2 have different shared parameters before round 1");
}

TEST_CASE("a round to which nobody contributes is aborted", "[rounds]") {
  SimulatedStorage journal;
  World world(over("pipe", 2), journal);
  check_all_told(
      run_round(world, {{0s, {.round = 1, .weight = 0}}, {0s, {.round = 1, .weight = 0}}}),
      "no island has a finite outer gradient: training diverged; lower inner.lr or outer.lr");
}

// Island 1 has a buffer of another length. Whoever sees it first cannot complete; the others wait
// for that one in the middle of the exchange and are told. Every message is large enough to be
// announced in one of the two variants, so that some of them never leave.
TEST_CASE("an exchange that fails on one island is aborted for all", "[rounds]") {
  for (const std::string network : {"pipe", "emulated"}) {
    for (const std::string algorithm : {"two_phase", "gather"}) {
      for (const std::string codec : {"fp32", "int8"}) {
        for (const Bytes eager_limit : {Bytes{100}, Bytes{1 << 20}}) {
          INFO(network << " " << algorithm << " " << codec << " " << eager_limit);
          SimulatedStorage journal;
          WorldOptions options = over(network, 4);
          options.collective.algorithm = algorithm;
          options.collective.codec = codec;
          options.collective.piece_bytes = 16 * 1024;
          options.eager_limit = eager_limit;
          World world(options, journal);
          std::vector<Plan> plans(4, {Nanos{1s}, {.round = 1}, 30'000});
          plans[1].elements = 20'000;
          const auto ended = run_round(world, plans);
          for (const Ended& end : ended) {
            CHECK_FALSE(end.ok);
            CHECK(end.failure.kind == FailureKind::kAborted);
            CHECK(end.failure.what.find("could not complete round 1: peer ") != std::string::npos);
            CHECK(end.failure.what.find("expects") != std::string::npos);
          }
          CHECK(text_of(journal) == "start epoch=0\n");
          CHECK(world.ledger().total(Cause::kPayload) == 0);
          if (eager_limit > 100) CHECK(world.ledger().total(Cause::kAborted) > 0);
        }
      }
    }
  }
}

/// Says what it is asked, in order with what else happens.
class WatchedStorage : public SimulatedStorage {
 public:
  explicit WatchedStorage(std::vector<std::string>& log) : log_(log) {}
  Nanos sync(const std::string& file) override {
    log_.push_back("sync");
    return SimulatedStorage::sync(file);
  }

 private:
  std::vector<std::string>& log_;
};

TEST_CASE("a commit is durable before any verdict leaves", "[rounds]") {
  std::vector<std::string> log;
  WatchedStorage journal(log);
  World world(over("pipe", 2), journal);
  world.listen([&](const TraceRecord& record) {
    if (record.kind == TraceKind::kRound) {
      log.push_back("verdict " + std::to_string(record.a));
      journal.crash();  // what is not synced now would be gone
    }
  });
  world.run([&](IslandId, World::Ports& ports) {
    std::vector<float> in(10, 1), out(10);
    for (std::uint32_t round = 1; round <= 3; ++round) {
      if (!ports.rounds->start({.round = round, .in = in, .out = out}).wait().ok()) return;
    }
  });
  CHECK(log == std::vector<std::string>{"sync", "sync", "verdict 1", "sync", "verdict 2", "sync",
                                        "verdict 3"});
  CHECK(text_of(journal) ==
        "start epoch=0\n"
        "commit round=1 epoch=0 before=0000000000000000 members=0,1\n"
        "commit round=2 epoch=0 before=0000000000000000 members=0,1\n"
        "commit round=3 epoch=0 before=0000000000000000 members=0,1\n");
}

/// Takes the line that says that the coordinator has started, and no more.
class FullDisk : public SimulatedStorage {
 public:
  Nanos sync(const std::string& file) override {
    if (++syncs_ > 1) throw StorageError("journal.txt: no space left");
    return SimulatedStorage::sync(file);
  }

 private:
  int syncs_ = 0;
};

TEST_CASE("a disk that refuses ends the run with its message", "[rounds]") {
  FullDisk journal;
  World world(over("pipe", 2), journal);
  int heard = 0;
  world.listen([&](const TraceRecord& record) { heard += record.kind == TraceKind::kRound; });
  CHECK_THROWS_WITH(run_round(world, {{0s, {.round = 1}}, {0s, {.round = 1}}}),
                    "journal.txt: no space left");
  CHECK(heard == 0);
}

// ---------------------------------------------------------------------------------------------
// A coordinator, and islands that are played by the test

struct Stage {
  explicit Stage(int islands) : network(loop, islands + 1) {
    std::vector<PeerId> peers;
    for (int p = 0; p <= islands; ++p) peers.push_back(static_cast<PeerId>(p));
    for (const PeerId peer : peers) {
      transports.push_back(std::make_unique<Transport>(loop, network.endpoint(peer), ledger, trace,
                                                       TransportOptions{.self = peer}));
    }
    for (auto& transport : transports) transport->connect(peers);
    heard.resize(static_cast<std::size_t>(islands));
    for (IslandId i = 0; i < islands; ++i) {
      at(i).serve(TagPlane::kCoordinator, [this, i](PeerId, const Slice& message) {
        auto read = unpack_coordinator(message);
        if (read.ok()) heard[static_cast<std::size_t>(i)].push_back(std::move(read).value());
      });
    }
    begin(islands);
    settle();
  }

  void begin(int islands) {
    coordinator.emplace(*transports[0], journal, ledger, trace,
                        CoordinatorOptions{.islands = islands});
  }

  Transport& at(IslandId island) { return *transports[static_cast<std::size_t>(island + 1)]; }

  void settle() { loop.run_until(loop.now() + 100ms); }

  void say(IslandId island, const Slice& message) {
    std::ignore = at(island).send(
        {.to = PeerId::kCoordinator, .tag = make_tag({.plane = TagPlane::kMember})}, message);
    settle();
  }
  void say(IslandId island, const MemberMessage& message) { say(island, pack(message)); }

  /// What the island was told last, if it is of this kind.
  template <class Message>
  const Message* told(IslandId island) const {
    const auto& all = heard[static_cast<std::size_t>(island)];
    return all.empty() ? nullptr : std::get_if<Message>(&all.back());
  }
  std::string failure(IslandId island) const {
    const auto* failed = told<FailedMessage>(island);
    return failed == nullptr ? "nothing" : failed->why;
  }

  /// All are ready for the round and have heard the roster.
  void open(std::uint32_t round) {
    for (std::size_t i = 0; i < heard.size(); ++i) {
      say(static_cast<IslandId>(i), ReadyMessage{round, 1.0, 7});
    }
  }
  void report(IslandId island, std::uint32_t round, std::uint32_t epoch) {
    say(island, ReportMessage{.round = round, .epoch = epoch, .completed = true});
  }

  PlainLoop loop;
  Trace trace;
  Ledger ledger;
  SimulatedStorage journal;
  PipeNetwork network;
  std::vector<std::unique_ptr<Transport>> transports;
  std::vector<std::vector<CoordinatorMessage>> heard;  // by island
  std::optional<Coordinator> coordinator;
};

TEST_CASE("a garbled message to the coordinator is named to everybody", "[rounds]") {
  for (const std::size_t size : {0, 1, 19, 20, 21, 5000}) {
    INFO(size);
    Stage stage(2);
    stage.say(1, make_message(std::vector<std::byte>(size, std::byte{0x41})));
    CHECK(stage.failure(0) == "island 1 sends a garbled message to the coordinator");
    CHECK(stage.failure(1) == stage.failure(0));
  }
}

TEST_CASE("impossible values are garbled", "[rounds]") {
  for (const double weight :
       {-1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    CHECK_FALSE(unpack_member(pack(MemberMessage(ReadyMessage{1, weight, 0}))).ok());
    const auto w = static_cast<float>(weight);
    CHECK_FALSE(unpack_coordinator(pack(CoordinatorMessage(RosterMessage{1, 0, {{{0, w}}}}))).ok());
  }
  const auto roster = [](IslandId a, IslandId b) {
    return pack(CoordinatorMessage(RosterMessage{1, 0, {{{a, 0.5f}, {b, 0.5f}}}}));
  };
  CHECK_FALSE(unpack_coordinator(roster(1, 1)).ok());
  CHECK(unpack_coordinator(roster(0, 1)).ok());
  CHECK_FALSE(unpack_member(pack(MemberMessage(ReadyMessage{0, 1.0, 0}))).ok());
  for (const std::int32_t nobody : {INT32_MIN, -2, 1 << 20, INT32_MAX}) {
    INFO(nobody);
    const ReportMessage report{.round = 1, .blamed = PeerId{nobody}};
    CHECK_FALSE(unpack_member(pack(MemberMessage(report))).ok());
    CHECK_FALSE(unpack_member(pack(MemberMessage(SuspectMessage{PeerId{nobody}}))).ok());
    CHECK_FALSE(unpack_coordinator(pack(CoordinatorMessage(HereMessage{1, {nobody}}))).ok());
    CHECK_FALSE(unpack_coordinator(roster(0, nobody)).ok());
  }
  CHECK(unpack_member(pack(MemberMessage(ReportMessage{.round = 1}))).ok());
  GiveMessage give;
  give.pieces.resize(kMostPieces);
  CHECK(unpack_give(pack(give)).ok());
  give.pieces.emplace_back();
  CHECK_FALSE(unpack_give(pack(give)).ok());
}

TEST_CASE("control messages survive any bytes", "[rounds]") {
  const std::uint64_t seed = 20;
  INFO("seed " << seed);
  Rng rng(seed, "garbled");
  int understood = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::vector<std::byte> noise(rng.below(64));
    for (auto& byte : noise) byte = static_cast<std::byte>(rng.below(rng.below(2) == 0 ? 256 : 3));
    const Slice slice = make_message(noise);
    understood += unpack_member(slice).ok() + unpack_coordinator(slice).ok() +
                  unpack_ask(slice).ok() + unpack_give(slice).ok();
  }
  CHECK(understood > 0);  // the noise is not too far from the real thing
}

TEST_CASE("an island whose exchange fails brings on another attempt", "[rounds]") {
  Stage stage(3);
  stage.open(1);
  for (IslandId i = 0; i < 3; ++i) REQUIRE(stage.told<RosterMessage>(i) != nullptr);
  stage.report(0, 1, 0);
  stage.say(2, ReportMessage{.round = 1,
                             .epoch = 0,
                             .kind = FailureKind::kClosed,
                             .blamed = peer_of(1),
                             .why = std::string(10'000, 'x')});
  for (IslandId i = 0; i < 3; ++i) {
    const auto* verdict = stage.told<VerdictMessage>(i);
    REQUIRE(verdict != nullptr);
    CHECK_FALSE(verdict->commit);
    CHECK(verdict->why.rfind("island 2: xxx", 0) == 0);
  }
  stage.loop.run_until(stage.loop.now() + 1s);
  for (IslandId i = 0; i < 3; ++i) {
    REQUIRE(stage.told<RosterMessage>(i) != nullptr);
    CHECK(stage.told<RosterMessage>(i)->epoch == 1);
    stage.report(i, 1, 0);  // too late for that
  }
  CHECK(stage.coordinator->committed_rounds() == 0);
  for (IslandId i = 0; i < 3; ++i) stage.report(i, 1, 1);
  CHECK(stage.coordinator->committed_rounds() == 1);
  CHECK(text_of(stage.journal) ==
        "start epoch=0\n"
        "abort round=1 epoch=0\n"
        "commit round=1 epoch=1 before=0000000000000007 members=0,1,2\n");
}

TEST_CASE("an island that goes leaves the round to the others", "[rounds]") {
  for (const bool opened : {false, true}) {
    INFO(opened);
    Stage stage(3);
    if (!opened) stage.say(2, HeartbeatMessage{});  // it is there, but not ready
    for (IslandId i = 0; i < (opened ? 3 : 2); ++i) stage.say(i, ReadyMessage{1, 1.0, 7});
    stage.transports[3].reset();
    for (int second = 0; second < 15; ++second) {
      for (IslandId i = 0; i < 2; ++i) stage.say(i, HeartbeatMessage{});
      stage.loop.run_until(stage.loop.now() + 1s);
    }
    for (IslandId i = 0; i < 2; ++i) {
      const auto* roster = stage.told<RosterMessage>(i);
      REQUIRE(roster != nullptr);
      CHECK(roster->epoch == (opened ? 1u : 0u));
      CHECK(roster->roster.members.size() == 2);
    }
  }
}

TEST_CASE("a coordinator that is started again goes on from its journal", "[rounds]") {
  Stage stage(2);
  stage.open(1);
  stage.report(0, 1, 0);
  stage.report(1, 1, 0);
  REQUIRE(stage.coordinator->committed_rounds() == 1);
  stage.open(2);
  stage.report(0, 2, 0);
  stage.coordinator.reset();
  stage.begin(2);
  CHECK(stage.coordinator->committed_rounds() == 1);
  // What was said before is asked again: nobody is told anything that was not durable.
  stage.report(1, 2, 0);
  CHECK(stage.coordinator->committed_rounds() == 1);
  stage.open(2);
  for (IslandId i = 0; i < 2; ++i) {
    REQUIRE(stage.told<RosterMessage>(i) != nullptr);
    CHECK(stage.told<RosterMessage>(i)->round == 2);
    CHECK(stage.told<RosterMessage>(i)->epoch == 1);
  }
  // Who asks about a round that was committed with it hears so again.
  stage.say(0, ReadyMessage{1, 1.0, 7});
  REQUIRE(stage.told<VerdictMessage>(0) != nullptr);
  CHECK(stage.told<VerdictMessage>(0)->commit);
  CHECK(stage.told<VerdictMessage>(0)->epoch == 0);
}

// ---------------------------------------------------------------------------------------------

/// Rounds, bare exchanges and computing, with threads that yield at random.
std::uint64_t trace_of_busy_world(bool parallel, std::uint64_t thread_noise) {
  SimulatedStorage journal;
  WorldOptions options = over("emulated", 3);
  options.parallel = parallel;
  options.connections = 2;
  options.collective.piece_bytes = 8 * 1024;
  World world(options, journal);
  world.run([&](IslandId i, World::Ports& ports) {
    Rng times(3, "times", static_cast<std::uint64_t>(i));
    Rng noise(thread_noise, "noise", static_cast<std::uint64_t>(i));
    const auto yield = [&] {
      for (auto n = noise.below(30); n > 0; --n) std::this_thread::yield();
    };
    std::vector<float> in(20'000, 1), out(20'000), in2(5'000, 2), out2(5'000);
    for (std::uint32_t round = 1; round <= 4; ++round) {
      ports.clock.compute(Nanos{static_cast<std::int64_t>(times.below(200'000'000))}, yield);
      yield();
      auto step = ports.rounds->start({.round = round, .in = in, .out = out});
      yield();
      auto extra = ports.collective.start({.fragment = 1, .number = round}, in2, out2, everyone(3));
      ports.clock.compute(Nanos{static_cast<std::int64_t>(times.below(20'000'000))}, yield);
      if (!extra.wait().ok() || !step.wait().ok()) throw std::runtime_error("a round failed");
    }
  });
  return world.trace().hash();
}

TEST_CASE("a whole world's trace does not depend on the timing of threads", "[rounds]") {
  const auto expected = trace_of_busy_world(true, 1);
  for (std::uint64_t repeat = 2; repeat <= 21; ++repeat) {
    CHECK(trace_of_busy_world(true, repeat) == expected);
    CHECK(trace_of_busy_world(false, repeat) == expected);
  }
}

}  // namespace
}  // namespace strait
