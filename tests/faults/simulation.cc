#include "tests/faults/simulation.h"

#include <fmt/format.h>

#include <memory>
#include <optional>

#include "backends/world.h"
#include "tests/faults/auditor.h"
#include "tests/faults/chaos_network.h"
#include "tests/faults/event_log.h"
#include "tests/faults/fault_plan.h"
#include "tests/faults/faulty_storage.h"
#include "tests/faults/injector.h"
#include "tests/faults/island_life.h"
#include "tests/faults/message_text.h"

namespace strait {

namespace {

/// When all faults are healed, a round has to be committed again and again, until all islands are
/// done.
class ProgressWatch {
 public:
  ProgressWatch(const FaultPlan& plan, Loop& loop, Auditor& auditor)
      : plan_(plan), loop_(loop), auditor_(auditor) {
    loop_.at(plan_.healed, [this] { look(std::nullopt); });
  }

 private:
  void look(std::optional<std::size_t> before) {
    const std::size_t now = auditor_.durable().size();
    if (before && *before >= now && !auditor_.all_finished()) {
      std::string rounds;
      for (IslandId i = 0; i < plan_.islands; ++i) {
        rounds += fmt::format(" {}", auditor_.round_of(i));
      }
      throw FaultFound(fmt::format(
          "no progress in {:.1f} s after all has healed: {} rounds are committed, islands have{}",
          seconds(plan_.progress), now, rounds));
    }
    loop_.at(loop_.now() + plan_.progress, [this, now] { look(now); });
  }

  const FaultPlan& plan_;
  Loop& loop_;
  Auditor& auditor_;
};

class Simulation {
 public:
  Simulation(const FaultPlan& plan, EventLog& log, SimulationResult& result)
      : plan_(plan), log_(log), result_(result), storage_(plan.seed), auditor_(plan, storage_) {}

  void run() {
    storage_.set_slowness(plan_.disk);
    {
      World world(options(), storage_);
      if (log_.on()) {
        world.listen([this](const TraceRecord& record) {
          const std::string text = text_of(record);
          if (!text.empty()) log_.add(record.time, "{}", text);
        });
      }
      run(world);
    }
    const std::int64_t lent = *slices_;
    if (lent != 0) throw FaultFound(fmt::format("{} slices are alive after the end", lent));
  }

 private:
  WorldOptions options() {
    WorldOptions options = plan_.world;
    options.make_fabric = [this](Loop& loop, Trace& trace) {
      storage_.attach(loop);
      ChaosOptions chaos{.peers = plan_.islands + 1,
                         .seed = plan_.seed,
                         .delay_most = plan_.delay_most,
                         .jitter = plan_.jitter,
                         .send_buffer = plan_.send_buffer};
      for (const auto& pauses : plan_.pauses) chaos.pauses.emplace_back(pauses);
      auto made = std::make_unique<ChaosNetwork>(loop, trace, std::move(chaos), slices_);
      network_ = made.get();
      return made;
    };
    return options;
  }

  void run(World& world) {
    Injector injector(plan_, world, *network_, storage_, auditor_, log_);
    const ProgressWatch watch(plan_, world.loop(), auditor_);
    const auto note = [&] {
      result_.faults = injector.done();
      result_.trace_hash = world.trace().hash();
      result_.ended = world.now();
    };
    try {
      world.run([&](IslandId island, World::Ports& ports) {
        IslandLife(island, ports, plan_, auditor_, log_).live();
      });
    } catch (...) {
      note();
      throw;
    }
    note();
    auditor_.check_end();
  }

  const FaultPlan& plan_;
  EventLog& log_;
  SimulationResult& result_;
  ChaosNetwork::Counter slices_ = std::make_shared<std::atomic<std::int64_t>>(0);
  FaultyStorage storage_;
  Auditor auditor_;
  ChaosNetwork* network_ = nullptr;  // the world's
};

}  // namespace

SimulationResult simulate(std::uint64_t seed, bool log) {
  SimulationResult result{.seed = seed};
  const FaultPlan plan = draw_plan(seed);
  result.plan = to_string(plan);
  EventLog events(log);
  try {
    Simulation(plan, events, result).run();
  } catch (const std::exception& failure) {
    result.finding = failure.what();
  }
  result.log = events.lines();
  return result;
}

}  // namespace strait
