// strait: one program, subcommands. Exit codes: 0 done; 1 the run failed (the network, or a bug of
// ours); 2 the user's mistake, told in one line.

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <exception>
#include <string_view>

#include "apps/commands/commands.h"
#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/base/text.h"

namespace strait {
namespace {

struct Command {
  std::string_view name;
  std::string_view usage;
  std::string_view what;
  int (*run)(const std::vector<std::string>&);
};

constexpr std::array kCommands{
    Command{"demo", "demo [--key value]",
            "emulated run and its data-parallel baseline on real text", command_demo},
    Command{"run", "run SCENARIO [--key value]", "one run of a scenario", command_run},
    Command{"doctor", "doctor", "what was found on this machine and how to mend the rest",
            command_doctor},
};

int usage(std::FILE* to) {
  fmt::print(to,
             "Strait trains models across islands joined by narrow links, over a real or an "
             "emulated network.\n\n");
  for (const Command& command : kCommands) {
    fmt::print(to, "  strait {:<28} {}\n", command.usage, command.what);
  }
  fmt::print(to,
             "\nKeys are those of the scenario files: --run.rounds 10. `strait run --help` lists "
             "them.\n");
  return to == stdout ? 0 : 2;
}

int run(const std::vector<std::string>& words) {
  if (words.empty()) return usage(stderr);
  const std::string& name = words.front();
  if (name == "--help" || name == "-h" || name == "help") return usage(stdout);
  std::vector<std::string> names;
  for (const Command& command : kCommands) {
    if (command.name == name) return command.run({words.begin() + 1, words.end()});
    names.emplace_back(command.name);
  }
  throw UserError(fmt::format("'{}' is no command{}; there are: {}", name,
                              did_you_mean(name, names), join(names, ", ")));
}

}  // namespace
}  // namespace strait

int main(int argc, char** argv) {
  try {
    strait::report_file_size_limit_as_error();
    return strait::run({argv + 1, argv + argc});
  } catch (const strait::UserError& error) {
    fmt::print(stderr, "strait: {}\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "strait: {}\n", error.what());
    return 1;
  }
}
