// The command line behind the subcommand, as keys and values. The only user of
// Boost.Program_options. Pure function; any thread.
#pragma once

#include <string>
#include <vector>

namespace strait {

struct Argument {
  std::string key;    // "run.rounds", also for --rounds and --set run.rounds=3; may be unknown
  std::string value;  // may be empty
};

struct Arguments {
  std::vector<Argument> settings;  // in their order
  std::string scenario;            // the one word that is no option; empty if there was none
};

/// --key value, --key=value, short forms, --set key=value, and at most one scenario. Names have to
/// be written out. Throws UserError; whether a value of --set is of a known key is the caller's to
/// see.
Arguments parse_arguments(const std::vector<std::string>& arguments);

}  // namespace strait
