// The hand-out of the start: everybody has the giver's buffers, counted as `start`.
#include "core/comm/handout.h"

#include <fmt/format.h>

#include "backends/world.h"
#include "tests/support/catch.h"
#include "tests/support/floats.h"

namespace strait {
namespace {

struct Result {
  std::vector<std::vector<std::vector<float>>> buffers;  // by island
  std::vector<std::string> told;                         // by island
  Bytes start = 0;
};

/// Island 0 gives buffers of these lengths; the last island expects one element less of the last if
/// `differs`.
Result hand_out(const std::string& network, const std::vector<std::size_t>& lengths, bool differs) {
  const int islands = 3;
  WorldOptions options{.islands = islands, .network = network, .rounds = false};
  options.fabric.islands = islands;
  options.fabric.description = describe_network(
      std::vector<AccessLink>(islands, {megabits(100), megabits(100), Nanos{10'000'000}}));
  SimulatedStorage no_journal;
  World world(options, no_journal);
  Result result{.buffers = std::vector<std::vector<std::vector<float>>>(islands),
                .told = std::vector<std::string>(islands)};
  try {
    world.run([&](IslandId i, World::Ports& ports) {
      auto& buffers = result.buffers[static_cast<std::size_t>(i)];
      for (std::size_t b = 0; b < lengths.size(); ++b) {
        buffers.push_back(i == 0 ? normal_floats(static_cast<std::int64_t>(lengths[b]), b)
                                 : std::vector<float>(lengths[b], -1));
      }
      if (differs && i == islands - 1) buffers.back().pop_back();
      const auto told =
          [&] {
            if (i == 0) {
              return ports.handout.give({buffers.begin(), buffers.end()}, {peer_of(1), peer_of(2)});
            }
            return ports.handout.take(peer_of(0), {buffers.begin(), buffers.end()});
          }()
              .wait();
      result.told[static_cast<std::size_t>(i)] = told.ok() ? "ok" : told.failure().what;
      if (!told.ok()) throw std::runtime_error("the start failed");
    });
  } catch (const std::runtime_error&) {
  }
  result.start = world.ledger().total(Cause::kStart);
  return result;
}

TEST_CASE("everybody takes the giver's buffers", "[handout]") {
  for (const std::string network : {"pipe", "emulated"}) {
    const std::vector<std::size_t> lengths{1, 0, 400'000, 1000};  // one is large
    const Result result = hand_out(network, lengths, false);
    for (const auto& told : result.told) CHECK(told == "ok");
    CHECK(result.buffers[1] == result.buffers[0]);
    CHECK(result.buffers[2] == result.buffers[0]);
    CHECK(result.start == 2 * 4 * 401'001);
  }
}

TEST_CASE("a taker that expects other lengths is told both", "[handout]") {
  for (const std::size_t last : {1000, 400'000}) {
    const Result result = hand_out("emulated", {10, last}, true);
    CHECK(result.told[2].find(fmt::format("peer 1 sends {} bytes where peer 3 expects {}", 4 * last,
                                          4 * last - 4)) == 0);
  }
}

}  // namespace
}  // namespace strait
