#include "apps/experiment/measured_step.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <vector>

#include "apps/experiment/arm.h"
#include "core/base/quantities.h"
#include "core/base/wall_clock.h"
#include "core/config/devices.h"

namespace strait {
namespace {

constexpr int kWarmUp = 2;
constexpr int kLeast = 3, kMost = 20;
constexpr Nanos kEnough{2'000'000'000};
constexpr Nanos kGrain{1'000};  // nobody measures better

/// Sorted. Losses are taken after each step: on a GPU that waits for it.
std::vector<Nanos> measure(const RunConfig& config, const TaskSource& tasks) {
  const auto task = tasks.make();
  const auto optimizer = tasks.make_optimizer(inner_options(config), task->layout());
  task->initialize();
  std::vector<Nanos> steps;
  const Nanos begin = monotonic_now();
  for (int step = 0; step < kWarmUp + kMost; ++step) {
    const Nanos start = monotonic_now();
    if (step >= kWarmUp + kLeast && start - begin > kEnough) break;
    task->clear_gradients();
    accumulate_step(*task, {0, step}, config.inner.accumulate, 1.0f);
    optimizer->step(task->parameters(), task->gradients(), 0);
    task->take_losses();
    if (step >= kWarmUp) steps.push_back(monotonic_now() - start);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

Nanos rounded(Nanos time) { return std::max(kGrain, (time + kGrain / 2) / kGrain * kGrain); }

}  // namespace

LoadedConfig with_measured_step(LoadedConfig loaded, const TaskSource& tasks) {
  if (loaded.config.compute.device != kThisDevice) return loaded;
  // As on an island: a task sets the threads of its operations.
  const std::vector<Nanos> steps =
      std::async(std::launch::async, measure, std::cref(loaded.config), std::cref(tasks)).get();
  for (RunConfig* config : {&loaded.config, &loaded.given}) {
    config->compute.device.clear();
    config->compute.step = rounded(steps[steps.size() / 2]);
  }
  loaded.origins.erase("compute.device");
  loaded.origins["compute.step"] =
      fmt::format("measured on this machine: median of {} steps, {} to {}", steps.size(),
                  format_duration(rounded(steps.front())), format_duration(rounded(steps.back())));
  return loaded;
}

}  // namespace strait
