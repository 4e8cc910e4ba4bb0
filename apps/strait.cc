// strait: one program, subcommands. Exit codes: 0 done; 1 the run failed (the network, or a bug of
// ours); 2 the user's mistake; 130 Ctrl+C. A failure is told in one line.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <string_view>
#include <system_error>

#include "apps/commands/commands.h"
#include "apps/commands/completion.h"
#include "apps/output/build_info.h"
#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/config/keys.h"
#include "core/io/uv_loop.h"
#ifdef STRAIT_WITH_TORCH
#include "core/train/tasks/torch_info.h"
#endif

namespace strait {
namespace {

struct Command {
  std::string_view name;
  std::string_view usage;
  std::string_view what;
  bool takes_keys;
  int (*run)(const std::vector<std::string>&);
  std::string_view forms = {};  // where there are several
  std::string_view words = {};  // that may follow the name, with a blank between
};

int command_completion(const std::vector<std::string>& words);

constexpr std::array kCommands{
    Command{"demo", "demo [--key value]",
            "emulated run and its data-parallel baseline on real text", true, command_demo},
    Command{"run", "run SCENARIO [--key value]",
            "one run of a scenario, or with --resume RUN the rest of one", true, command_run,
            "  --resume RUN         goes on with the run in that folder, from its newest "
            "checkpoint\n"},
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
            "what a run will cost and which H and codec fit (or --models, --papers [--tcp]); no "
            "training",
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
        "report", "report RUN... [--out FILE]",
        "what runs have left in their folders, as one HTML page that needs nothing else", false,
        command_report,
        "  strait report RUN... [--out FILE]              RUN/report.html; of several runs "
        "report.html here\n"
        "  strait report RUN... --svg FILE [--panel NAME] one chart as a picture: loss, tokens, "
        "bytes or seconds\n"},
    Command{
        "data", "data prepare | info",
        "text as files of tokens; what there is, and who trains on what", false, command_data,
        "  strait data prepare TEXT --out FOLDER   for --data.text FOLDER; TEXT as in data.text\n"
        "      --vocabulary N                      byte pairs, learned from it (256: bytes)\n"
        "      --tokenizer FILE                    of a tokenizer.json like GPT-2's instead\n"
        "  strait data info TEXT|FOLDER|SCENARIO [--islands N] [--key value]\n",
        "prepare info"},
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
        "(root)\n",
        "show probe serve lab validate"},
    Command{"checkpoint", "checkpoint inspect | convert PATH",
            "what a checkpoint holds and whether it is whole; its shared parameters as one file",
            false, command_checkpoint,
            "  strait checkpoint inspect RUN|CHECKPOINT\n"
            "  strait checkpoint convert RUN|CHECKPOINT --out FILE.safetensors\n",
            "inspect convert"},
    Command{"export", "export RUN|CHECKPOINT --out FOLDER",
            "a trained GPT for Hugging Face's transformers", false, command_export},
    Command{"sample", "sample RUN|CHECKPOINT [--prompt TEXT]", "text that a trained GPT writes",
            false, command_sample,
            "  --prompt TEXT        what the text begins with\n"
            "  --tokens N           how many more (200)\n"
            "  --temperature T      below 1: likelier ones (0.8); 0: the likeliest\n"
            "  --logits FILE        write tokens and logits, too, as safetensors\n"
            "  --seed N             of what is drawn (1)\n"},
    Command{"doctor", "doctor", "what was found on this machine and how to mend the rest", false,
            command_doctor},
    Command{
        "completion",
        "completion bash",
        "a script for bash to complete commands, scenarios and keys: source <(strait completion "
        "bash)",
        false,
        command_completion,
        {},
        "bash"},
};

/// Those that its usage names.
std::vector<std::string> options_of(const Command& command) {
  std::vector<std::string> options;
  const std::string text = fmt::format("{}\n{}", command.usage, command.forms);
  for (std::size_t at = text.find("--"); at != std::string::npos; at = text.find("--", at + 2)) {
    const std::size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz-", at);
    const std::string option = text.substr(at, end - at);
    if (option == "--" || option == "--key") continue;
    if (std::find(options.begin(), options.end(), option) == options.end()) {
      options.push_back(option);
    }
  }
  return options;
}

int command_completion(const std::vector<std::string>& words) {
  if (words.size() != 1 || words.front() != "bash") {
    throw UserError("write strait completion bash; other shells are not known");
  }
  std::vector<CompletedCommand> completed;
  for (const Command& command : kCommands) {
    completed.push_back({.name = std::string(command.name),
                         .words = split(command.words, ' '),
                         .options = options_of(command),
                         .takes_keys = command.takes_keys});
  }
  fmt::print("{}", bash_completion(completed));
  return 0;
}

int help() {
  fmt::print(
      "Strait trains models across islands joined by narrow links, over a real or an "
      "emulated network.\n\n");
  for (const Command& command : kCommands) {
    fmt::print("  strait {:<28} {}\n", command.usage, command.what);
  }
  fmt::print("  strait {:<28} {}\n", "--version",
             "which program this is, and what it was built with");
  fmt::print(
      "\nKeys are those of the scenario files: --run.rounds 10, or STRAIT_RUN_ROUNDS=10 in the "
      "environment.\n`strait run --help` lists them; --print-config shows what a command line "
      "makes "
      "of them.\n");
  return 0;
}

int help_of(const Command& command) {
  fmt::print("usage: strait {}\n\n{}\n{}", command.usage, command.what, command.forms);
  if (!command.takes_keys) return 0;
  std::string names;
  for (const auto& [name, key] : short_options()) names += fmt::format(" --{}", name);
  fmt::print(
      "\n  --print-config       every setting with its value and where it came from; nothing runs\n"
      "\nA key stands in a scenario as `key = value` below its [section], in the environment as "
      "STRAIT_SECTION_KEY,\nor on the command line as --section.key value; the later of these "
      "wins. "
      "Without a section:{}.\n\n{}",
      names, keys_help());
  return 0;
}

int version() {
  const BuildInfo build = build_info();
#ifdef STRAIT_WITH_TORCH
  const std::string torch = torch_description();
#else
  const std::string torch = "not in this build: the quadratic task only";
#endif
  fmt::print("strait {} (commit {})\ncompiler  {}, {}\nLibTorch  {}\nlibuv     {}\n", build.version,
             build.commit, build.compiler, build.flags, torch, libuv_version());
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

/// Takes the word out; false if it is not there.
bool take(std::vector<std::string>& words, std::string_view word) {
  const auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) return false;
  words.erase(found);
  return true;
}

/// What a command line makes of the settings.
LoadedConfig load_for(const Command& command, const std::vector<std::string>& words) {
  if (command.name == "join") {
    throw UserError(
        "--print-config: islands get their settings from the coordinator; write strait coordinator "
        "SCENARIO --print-config");
  }
  if (command.name == "launch") return load_for_launch(words);
  if (command.name == "coordinator") return load_for_coordinator(words);
  return load_config(command.name == "demo" ? demo_scenario() : "", words);
}

int run(const std::vector<std::string>& words) {
  if (words.empty()) throw UserError("no command; write strait demo, or strait --help for all");
  const std::string& name = words.front();
  if (asks_for_help(name)) return help();
  if (name == "help") return words.size() > 1 ? help_of(find_command(words[1])) : help();
  if (name == "--version") return version();
  const Command& command = find_command(name);
  std::vector<std::string> arguments(words.begin() + 1, words.end());
  // What stands behind -- is another program's.
  const auto own = std::find(arguments.begin(), arguments.end(), "--");
  if (std::any_of(arguments.begin(), own, asks_for_help)) return help_of(command);
  if (command.takes_keys && take(arguments, "--print-config")) {
    fmt::print("{}", resolved_ini(load_for(command, arguments)));
    return 0;
  }
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
    std::signal(SIGPIPE, SIG_IGN);  // a run goes on when nobody reads any more: strait demo | head
    return strait::run({argv + 1, argv + argc});
  } catch (const strait::UserError& error) {
    return strait::fail(2, error.what());
  } catch (const strait::Interrupted& interrupted) {
    return strait::fail(130, interrupted.what());
  } catch (const std::system_error& error) {
    // Nobody reads what a command prints.
    return error.code() == std::errc::broken_pipe ? 141 : strait::fail(1, error.what());
  } catch (const std::bad_alloc&) {
    return strait::fail(2, "not enough memory; make the model or run.islands smaller");
  } catch (const std::exception& error) {
    return strait::fail(1, error.what());
  }
}
