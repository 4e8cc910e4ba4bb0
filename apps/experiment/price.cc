#include "apps/experiment/price.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <filesystem>
#include <mutex>
#include <numeric>
#include <thread>

#include "apps/experiment/rehearsal.h"
#include "apps/experiment/session.h"
#include "apps/experiment/verdict.h"
#include "core/base/errors.h"
#include "core/config/devices.h"
#include "core/train/strategy.h"
#include "netsim/virtual_loop.h"

namespace strait {

namespace {

constexpr std::int64_t kMillion = 1'000'000;

std::string links_name(const RunConfig& config) {
  if (config.network.kind != "emulated") return "no network";
  return std::filesystem::path(config.network.links).stem();
}

/// Why other losses would come out there; empty if they would not.
std::string why_others(const ArmResult& result, const TrainedArm& arm) {
  for (const RoundRow& row : result.rows) {
    if (row.round == 0 || row.missing == 0) continue;
    return fmt::format("islands would miss rounds there (the first is {})", row.round);
  }
  // Data parallelism commits each step where islands come and go.
  if (result.rows.size() != arm.rows.size()) return "islands come and go there";
  return {};
}

/// About how long a replay takes.
std::int64_t exchanges(const PriceJob& job) {
  const RunConfig& c = job.venue->config;
  if (job.arm->options.islands == 1) return 0;
  switch (commits_of(job.arm->options.strategy)) {
    case Commits::kNothing: return 0;
    case Commits::kSteps: return c.run.rounds * c.run.inner_steps;
    default: return c.run.rounds;
  }
}

}  // namespace

Venue venue_of(const LoadedConfig& loaded, std::int64_t speed) {
  RunConfig config = loaded.config;
  if (config.network.kind == "tcp") {
    throw UserError(fmt::format(
        "{} was run over real connections: a price needs links; give them with --links FILE",
        loaded.scenario));
  }
  if (config.compute.device == kThisDevice) {
    throw UserError(
        "compute.device = this: a price measures nothing; write compute.step, which the banner of "
        "a run says");
  }
  config.run.time = "virtual";
  config.run.record.clear();
  config = with_device(config, flops_of(config));
  Venue venue{
      .links = links_name(config), .speed = speed, .config = config, .fabric = fabric_of(config)};
  if (speed == kMillion) return venue;
  auto& islands = venue.fabric.description.islands;
  islands.resize(static_cast<std::size_t>(config.run.islands));
  for (IslandSpec& island : islands) {
    island.speed_ppm = std::max<std::int64_t>(1, island.speed_ppm * speed / kMillion);
  }
  return venue;
}

Price own_price(const TrainedArm& arm) {
  Price price{.time = arm.time,
              .waited = arm.waited,
              .payload = arm.payload,
              .wire = arm.wire,
              .rounds = {},
              .problem = {}};
  for (const TrainedRow& row : arm.rows) price.rounds.push_back(row.time);
  return price;
}

Price price_arm(const TrainedArm& arm, const Venue& venue) {
  Price price;
  try {
    const ArmResult result = replay(venue.config, venue.fabric, arm.options);
    if (result.failure) std::rethrow_exception(result.failure);
    price.problem = why_others(result, arm);
    price.time = result.costs.time;
    price.waited = result.rows.back().waited;
    price.payload = result.costs.bytes[static_cast<std::size_t>(Cause::kPayload)];
    price.wire = wire_bytes(result.costs);
    for (const RoundRow& row : result.rows) price.rounds.push_back(row.time);
  } catch (const UserError& error) {
    price.problem = error.what();
  } catch (const Deadlock& error) {
    price.problem = error.what();
  } catch (const RunFailed& error) {
    price.problem = error.what();
  }
  return price;
}

std::vector<Price> price_all(const std::vector<PriceJob>& jobs,
                             const std::function<void(int, int)>& working) {
  std::vector<Price> prices(jobs.size());
  // The long ones first, so that no core is left with one at the end.
  std::vector<std::size_t> order(jobs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return exchanges(jobs[a]) > exchanges(jobs[b]);
  });
  std::atomic<std::size_t> next{0};
  std::mutex mutex;  // guards what follows
  int done = 0;
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      for (std::size_t i = next++; i < order.size(); i = next++) {
        const PriceJob& job = jobs[order[i]];
        prices[order[i]] = price_arm(*job.arm, *job.venue);
        const std::lock_guard lock(mutex);
        if (working) working(++done, static_cast<int>(jobs.size()));
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
      next = order.size();
    }
  };
  {
    const std::size_t cores = std::max(1u, std::thread::hardware_concurrency());
    std::vector<std::jthread> workers;
    for (std::size_t i = 1; i < std::min(cores, jobs.size()); ++i) workers.emplace_back(work);
    work();
  }
  if (failure) std::rethrow_exception(failure);
  return prices;
}

}  // namespace strait
