// strait: one program, subcommands. Exit codes: 0 done; 1 the run failed (the network, or a bug of
// ours); 2 the user's mistake. A failure is told in one line.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <new>
#include <string_view>

#include "apps/commands/commands.h"
#include "apps/output/build_info.h"
#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/config/keys.h"

namespace strait {
namespace {

struct Command {
  std::string_view name;
  std::string_view usage;
  std::string_view what;
  bool takes_keys;
  int (*run)(const std::vector<std::string>&);
  std::string_view forms = {};  // where there are several
};

constexpr std::array kCommands{
    Command{"demo", "demo [--key value]",
            "emulated run and its data-parallel baseline on real text", true, command_demo},
    Command{"run", "run SCENARIO [--key value]", "one run of a scenario", true, command_run},
    Command{"launch", "launch -n N SCENARIO [--key value]",
            "a coordinator and N islands as processes on this machine, over real sockets", true,
            command_launch},
    Command{"coordinator", "coordinator SCENARIO [--listen HOST:PORT]",
            "the control plane of a run whose islands are processes, on any machines", true,
            command_coordinator,
            "  --listen HOST:PORT   where islands join (127.0.0.1 and a free port)\n"
            "  --insecure           off this machine: nothing is encrypted or authenticated yet\n"},
    Command{"join", "join HOST:PORT [--island N]",
            "one more island for the run of the coordinator at HOST:PORT", true, command_join,
            "  --island N           its number (the first that is free)\n"
            "  --listen HOST:PORT   where other islands reach it (the way to the coordinator, any "
            "port)\n"
            "  --advertise HOST:PORT  what others are told instead, behind a NAT that forwards it\n"
            "  --insecure           off this machine: nothing is encrypted or authenticated yet\n"},
    Command{"plan", "plan SCENARIO [--key value]",
            "what a run will cost and which H and codec fit (or --papers [--tcp]); no training",
            true, command_plan},
    Command{"price", "price RUN [--links FILE...] [--compute x1,x10]",
            "what a finished run would have cost on other networks; no training", true,
            command_price,
            "  --links FILE...      links, or scenarios for their networks (the run's own)\n"
            "  --compute x0.1,x1    devices that are as many times as fast (x1)\n"
            "  --loss X             the loss to reach (the worst final one)\n"
            "  --csv FILE, --json FILE   the table for programs\n"},
    Command{"compare", "compare A[@key=value,...] B... [--key value]",
            "scenarios and finished runs in one table; what is not trained yet, is", true,
            command_compare,
            "  A, B                 scenarios or runs' folders, with keys of their own behind @\n"
            "  --links FILE...      each of them on all these links\n"
            "  --compute, --loss, --csv, --json   as for strait price\n"},
    Command{
        "net", "net show | probe | serve | lab | validate",
        "a scenario's links as configured, measured, or with a real kernel; a real link; the TCP "
        "model's errors",
        false, command_net,
        "  strait net show SCENARIO [--svg FILE] [--key value]   tables, and a picture in FILE\n"
        "  strait net probe SCENARIO [--key value]               measured beside configured\n"
        "  strait net probe HOST:PORT [--seconds N] [--write FILE]   a real link, as links.csv in "
        "FILE\n"
        "  strait net serve [HOST:PORT] [--insecure]             its other end, until Ctrl+C\n"
        "  strait net lab SCENARIO [--coordinator COMMAND] [--write FILE] [--key value] -- "
        "COMMAND...\n"
        "      COMMAND once per island as a process over the links, in real time (root)\n"
        "  strait net validate --cases FILE... [--seeds N]       against a kernel's transfers\n"
        "      --kernel [--repeats N] [--write FILE]             measured now, by this kernel "
        "(root)\n"},
    Command{"doctor", "doctor", "what was found on this machine and how to mend the rest", false,
            command_doctor},
};

int help() {
  fmt::print(
      "Strait trains models across islands joined by narrow links, over a real or an "
      "emulated network.\n\n");
  for (const Command& command : kCommands) {
    fmt::print("  strait {:<28} {}\n", command.usage, command.what);
  }
  fmt::print("  strait {:<28} {}\n", "--version", "the commit and the compiler it was built from");
  fmt::print(
      "\nKeys are those of the scenario files: --run.rounds 10. `strait run --help` lists them.\n");
  return 0;
}

int help_of(const Command& command) {
  fmt::print("usage: strait {}\n\n{}\n{}", command.usage, command.what, command.forms);
  if (!command.takes_keys) return 0;
  std::string names;
  for (const auto& [name, key] : short_options()) names += fmt::format(" --{}", name);
  fmt::print(
      "\nA key stands in a scenario as `key = value` below its [section], or on the command line "
      "as\n--section.key value, which wins. Without a section:{}.\n\n{}",
      names, keys_help());
  return 0;
}

int version() {
  const BuildInfo build = build_info();
  fmt::print("strait {} ({})\n", build.commit, build.compiler);
  return 0;
}

bool asks_for_help(const std::string& word) { return word == "--help" || word == "-h"; }

const Command& find_command(const std::string& name) {
  std::vector<std::string> names;
  for (const Command& command : kCommands) {
    if (command.name == name) return command;
    names.emplace_back(command.name);
  }
  const std::string nearest = did_you_mean(name, names);
  throw UserError(fmt::format(
      "'{}' is no command{}", name,
      nearest.empty() ? fmt::format("; there are {}", join(names, ", ", " and ")) : nearest));
}

int run(const std::vector<std::string>& words) {
  if (words.empty()) throw UserError("no command; write strait demo, or strait --help for all");
  const std::string& name = words.front();
  if (asks_for_help(name)) return help();
  if (name == "help") return words.size() > 1 ? help_of(find_command(words[1])) : help();
  if (name == "--version") return version();
  const Command& command = find_command(name);
  const std::vector<std::string> arguments(words.begin() + 1, words.end());
  // What stands behind -- is another program's.
  const auto own = std::find(arguments.begin(), arguments.end(), "--");
  if (std::any_of(arguments.begin(), own, asks_for_help)) return help_of(command);
  return command.run(arguments);
}

int fail(int code, std::string_view message) {
  // Libraries write stack traces below their message.
  fmt::print(stderr, "strait: {}\n", message.substr(0, message.find('\n')));
  return code;
}

}  // namespace
}  // namespace strait

int main(int argc, char** argv) {
  try {
    strait::report_file_size_limit_as_error();
    return strait::run({argv + 1, argv + argc});
  } catch (const strait::UserError& error) {
    return strait::fail(2, error.what());
  } catch (const std::bad_alloc&) {
    return strait::fail(2, "not enough memory; make the model or run.islands smaller");
  } catch (const std::exception& error) {
    return strait::fail(1, error.what());
  }
}
