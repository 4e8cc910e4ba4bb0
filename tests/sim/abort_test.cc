// What an aborted attempt leaves on the way: the retry waits for as much as streams hold, and no
// longer.
#include <algorithm>
#include <memory>
#include <vector>

#include "backends/world.h"
#include "tests/support/catch.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kElements = 1'500'000;
constexpr Bytes kBuffer = 4 * static_cast<Bytes>(kElements);

struct Outcomes {
  Nanos aborted{0};
  Nanos committed{0};
  std::vector<float> values;  // of the survivors' means, one per island if all of it is equal
  Bytes payload = 0;
  Bytes lost = 0;   // aborted
  Bytes total = 0;  // by cause
  Bytes rows = 0;   // of all rows
};

/// Three islands exchange 6 MB over 10 Mbit/s up; island 1 dies 2 s into it.
Outcomes lose_one(Bytes send_buffer) {
  WorldOptions options{.islands = 3, .network = "emulated"};
  options.fabric.islands = 3;
  options.fabric.description =
      describe_network(std::vector<AccessLink>(3, {megabits(10), megabits(50), Nanos{20ms}}));
  options.fabric.emulated.send_buffer = send_buffer;
  options.fabric.emulated.tcp.congestion = CongestionControl::kIdeal;  // to reckon by hand
  SimulatedStorage journal;
  World world(options, journal);
  Outcomes result;
  world.listen([&](const TraceRecord& record) {
    if (record.kind == TraceKind::kRound) {
      (record.c == 1 ? result.committed : result.aborted) = record.time;
    }
  });
  world.loop().at(3s, [&] { world.kill_island(1); });
  std::vector<std::vector<float>> means(3);
  world.run([&](IslandId i, World::Ports& ports) {
    const auto in = std::make_shared<std::vector<float>>(kElements, static_cast<float>(i + 1));
    auto& mean = means[static_cast<std::size_t>(i)];
    mean.resize(kElements);
    ports.clock.compute(1s, [] {});
    auto ticket = ports.rounds->start({.round = 1, .in = *in, .out = mean, .hold = in});
    if (!ticket.wait().ok()) mean.clear();
  });
  for (const IslandId island : {0, 2}) {
    const auto& mean = means[static_cast<std::size_t>(island)];
    const bool whole = !mean.empty() && std::count(mean.begin(), mean.end(), mean[0]) ==
                                            static_cast<std::ptrdiff_t>(mean.size());
    if (whole) result.values.push_back(mean[0]);
  }
  result.payload = world.ledger().total(Cause::kPayload);
  result.lost = world.ledger().total(Cause::kAborted);
  result.total = world.ledger().total();
  for (const auto& row : world.ledger().rows()) result.rows += row.bytes;
  return result;
}

TEST_CASE("a retry waits for no more than streams hold of the aborted attempt", "[abort]") {
  const Bytes usual = EmulatedOptions{}.send_buffer;
  const Outcomes small = lose_one(usual), large = lose_one(4 << 20);
  for (const Outcomes& result : {small, large}) {
    REQUIRE(result.aborted > 3s);
    CHECK(result.values == std::vector<float>{2.0f, 2.0f});  // nothing of it is lost
    CHECK(result.payload == 2 * kBuffer);                    // each sends two halves
    CHECK(result.lost > 0);
    CHECK(result.total == result.rows);
  }
  // The other connection, to the island that is gone, is gone with it. The coordinator retries 0.5
  // s after the abort.
  const auto drains_in = [](Bytes held) { return transfer_time(held, megabits(10)); };
  const Nanos retry = small.committed - small.aborted, alone = drains_in(kBuffer);
  CHECK(retry > alone);
  CHECK(retry < alone + drains_in(usual + (256 << 10)) + 500ms);
  CHECK(large.committed > small.committed + 1s);
  CHECK(large.lost > small.lost + (4 << 20));
}

}  // namespace
}  // namespace strait
