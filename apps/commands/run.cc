// strait run SCENARIO [--key value]: one run of the strategy that the scenario names; under a
// launcher, this process's part of a real one (real.cc).
// strait run --resume RUN: goes on with a run that was interrupted, from its newest checkpoint.

#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "apps/commands/commands.h"
#include "apps/experiment/session.h"
#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/base/interrupt.h"
#include "netsim/virtual_loop.h"

namespace strait {

namespace {

constexpr std::string_view kResumeUsage = "write strait run --resume RUN, e.g. runs/demo-001";

/// "demo" of runs/demo-001: as the run was called when it began.
std::string name_of_run(const std::string& folder) {
  const std::string name = std::filesystem::absolute(folder + "/.").parent_path().filename();
  return name.substr(0, name.rfind('-'));
}

int resume(std::string run, const std::vector<std::string>& others) {
  while (run.size() > 1 && run.ends_with('/')) run.pop_back();
  if (!others.empty()) {
    throw UserError(fmt::format("'{}' is one word too many: the settings are those of {}; {}",
                                others.front(), run, kResumeUsage));
  }
  const std::string settings = run + "/config.resolved.ini";
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(settings, ignored)) {
    throw UserError(fmt::format("--resume {}: there is no {}; {}", run, settings, kResumeUsage));
  }
  if (std::filesystem::exists(run + "/verdict.json", ignored)) {
    throw UserError(
        fmt::format("--resume {}: that run has come to its end ({}/verdict.json); start "
                    "a new one with strait run {}",
                    run, run, settings));
  }
  const LoadedConfig loaded = load_config_text(read_file(settings), name_of_run(run), settings, {});
  const RunConfig& c = loaded.config;
  if (c.run.time != "virtual") {
    throw UserError(
        fmt::format("--resume {}: run.time = {}: only runs in virtual time can be "
                    "resumed; start a new one with strait run {}",
                    run, c.run.time, settings));
  }
  if (c.checkpoint.every == 0) {
    throw UserError(
        fmt::format("--resume {}: checkpoint.every = 0: that run has no checkpoints; "
                    "start a new one with strait run {} --checkpoint.every 5",
                    run, settings));
  }
  if (!c.run.record.empty()) {
    throw UserError(
        fmt::format("--resume {}: run.record = {}: a record cannot be resumed; start a "
                    "new run with strait run {} and another folder",
                    run, c.run.record, settings));
  }
  run_session(loaded, {own_arm(c)}, run);
  return 0;
}

}  // namespace

std::string run_session(const LoadedConfig& loaded, const std::vector<ArmOptions>& arms,
                        const std::string& resumed, std::FILE* out) {
  check_memory(loaded.config, loaded.config.run.islands);
  check_record_folder(loaded.config.run.record);
  Session session(loaded, arms, deps_folder(), std::nullopt, resumed, out);
  // The wall clock's loop has a watch of its own.
  std::optional<InterruptWatch> watch;
  if (loaded.config.run.time == "virtual") watch.emplace();
  try {
    session.run();
    report_run(session.folder(), out);
  } catch (const Deadlock& deadlock) {
    const auto& network = loaded.config.network;
    if (network.kind != "emulated") throw;
    throw Deadlock(
        fmt::format("{}; look for {} in {}", deadlock.what(),
                    network.events.empty() ? "a link that is too slow" : "a link that stays down",
                    network.events.empty() ? network.links : network.events));
  }
  return session.folder();
}

int command_run(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = arguments;
  const std::string resumed = take_option(words, "--resume", "folder of a run", kResumeUsage);
  if (!resumed.empty()) return resume(resumed, words);
  if (arguments.empty()) {
    throw UserError("no scenario; write strait run SCENARIO, e.g. scenarios/quadratic.ini");
  }
  if (const auto code = run_under_launcher(arguments)) return *code;
  const LoadedConfig loaded = load_config("", arguments);
  run_session(loaded, {own_arm(loaded.config)});
  return 0;
}

}  // namespace strait
