// The subcommands of the program; each has a file of its own name. They get the words after theirs
// and return the exit code; the user's mistakes come out as UserErrors.
#pragma once

#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/experiment/arm.h"
#include "core/config/load.h"

namespace strait {

std::string demo_scenario();
int command_demo(const std::vector<std::string>& arguments);
int command_run(const std::vector<std::string>& arguments);
int command_data(const std::vector<std::string>& arguments);
int command_plan(const std::vector<std::string>& arguments);
int command_report(const std::vector<std::string>& arguments);
int command_price(const std::vector<std::string>& arguments);
int command_compare(const std::vector<std::string>& arguments);
int command_net(const std::vector<std::string>& arguments);
int command_net_validate(const std::vector<std::string>& arguments);
int command_net_lab(std::vector<std::string> arguments);
int command_net_probe_link(std::vector<std::string> arguments);
int command_net_serve(std::vector<std::string> arguments);
int command_launch(const std::vector<std::string>& arguments);
int command_coordinator(const std::vector<std::string>& arguments);
int command_join(const std::vector<std::string>& arguments);
/// The exit code, if a launcher started this process as one of several; else it is no such run.
std::optional<int> run_under_launcher(const std::vector<std::string>& arguments);
int command_doctor(const std::vector<std::string>& arguments);
int command_checkpoint(const std::vector<std::string>& arguments);
int command_export(const std::vector<std::string>& arguments);
int command_sample(const std::vector<std::string>& arguments);

inline constexpr std::string_view kNetValidateUsage =
    "write strait net validate --cases FILE... [--seeds N] [--kernel [--repeats N] [--write FILE]]";

inline constexpr std::string_view kNetLabUsage =
    "write strait net lab SCENARIO [--key value] [--coordinator COMMAND] [--write FILE] -- "
    "COMMAND...";
inline constexpr std::string_view kNetProbeLinkUsage =
    "write strait net probe HOST:PORT [--seconds N] [--write FILE]";
inline constexpr std::string_view kNetServeUsage =
    "write strait net serve [HOST:PORT] [--insecure]";

/// Whether the words after `strait net probe` name a real link: an address, not a scenario.
bool name_a_link(const std::vector<std::string>& words);

/// Takes `--option VALUE` or `--option=VALUE` out of the words; the rest is a scenario and keys.
/// Empty if it is not there. A UserError calls the value `what` and ends in `usage`.
std::string take_option(std::vector<std::string>& words, const std::string& option,
                        std::string_view what, std::string_view usage);

/// The settings that strait launch and strait coordinator make of their words.
LoadedConfig load_for_launch(const std::vector<std::string>& words);
LoadedConfig load_for_coordinator(const std::vector<std::string>& words);

/// A scenario that has links to `what`.
LoadedConfig load_emulated(const std::vector<std::string>& words, std::string_view what);

/// Runs the arms one after the other, from the check of this machine to the verdict, and tells
/// `out` of it. `resumed` as in Session. Returns the run's folder.
std::string run_session(const LoadedConfig& loaded, const std::vector<ArmOptions>& arms,
                        const std::string& resumed = {}, std::FILE* out = stdout);

/// Writes report.html into the folder of a run that has ended, and says so.
void report_run(const std::string& folder, std::FILE* out = stdout);

/// Throws UserError if this machine cannot hold so many islands. By a lower bound, for mistakes of
/// orders of magnitude: what the network holds comes on top.
void check_memory(const RunConfig& config, int islands);

/// Throws UserError if run.record is no place for a record.
void check_record_folder(const std::string& folder);

/// Bytes of memory that this machine has.
double total_memory();

/// Where the set-up's dependencies lie: STRAIT_DEPS if set, else .deps as of find_ours().
std::string deps_folder();

/// Whether files can be made in `path`, or in the nearest folder above it that is there.
bool can_make_files_in(const std::string& path);

}  // namespace strait
