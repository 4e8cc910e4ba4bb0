// Completion of the command line for bash, made from the tables of commands, keys and scenarios.
#pragma once

#include <string>
#include <vector>

namespace strait {

struct CompletedCommand {
  std::string name;
  std::vector<std::string> words;    // that may follow it: net's show, probe, ...
  std::vector<std::string> options;  // of its own
  bool takes_keys = false;           // and scenarios
};

/// A script for `source`, or for a folder of bash-completion.
std::string bash_completion(const std::vector<CompletedCommand>& commands);

}  // namespace strait
