// strait net lab: commands as processes over a scenario's links, with this machine's kernel at
// their ends.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "apps/commands/commands.h"
#include "apps/experiment/session.h"
#include "apps/lab/commands.h"
#include "apps/lab/report.h"
#include "core/base/errors.h"
#include "core/base/files.h"

namespace strait {
namespace {

/// One word is a line for the shell.
std::vector<std::string> as_command(std::vector<std::string> words) {
  if (words.size() == 1) return {"/bin/sh", "-c", words.front()};
  return words;
}

}  // namespace

int command_net_lab(std::vector<std::string> words) {
  const auto dashes = std::find(words.begin(), words.end(), "--");
  const std::vector<std::string> command(dashes == words.end() ? dashes : dashes + 1, words.end());
  words.erase(dashes, words.end());
  const std::string write = take_option(words, "--write", "file", kNetLabUsage);
  const std::string coordinator = take_option(words, "--coordinator", "command", kNetLabUsage);
  if (words.empty()) throw UserError(fmt::format("no scenario; {}", kNetLabUsage));
  if (command.empty()) throw UserError(fmt::format("no command; {}", kNetLabUsage));
  const LoadedConfig loaded = load_emulated(words, "build");
  const FabricOptions fabric = fabric_of(loaded.config);
  check_can_write(write, "--write");

  const Interrupts interrupts;
  Lab lab(fabric.description, fabric.emulated);
  std::vector<LabCommand> commands;
  if (!coordinator.empty()) commands.push_back({PeerId::kCoordinator, as_command({coordinator})});
  for (IslandId island = 0; island < fabric.islands; ++island) {
    commands.push_back({peer_of(island), as_command(command)});
  }
  fmt::print("{}: {}\n", loaded.name(), network_summary(fabric.description));
  std::fflush(stdout);
  const std::string failure = run_commands(lab, commands, interrupts);
  const LabReport report = lab.stop();
  fmt::print("\n{}", lab_table(report));
  if (!write.empty()) write_file_atomically(write, lab_csv(report), "--write");
  if (!failure.empty()) throw std::runtime_error(failure);
  return 0;
}

}  // namespace strait
