// The one table of keys. Defaults (from RunConfig), help, scenario files, the command line,
// config.resolved.ini, hashes and the hello all come from it. A setting is added by a member in
// run_config.h and a row in keys.cc.
//
// Constant; any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/run_config.h"
#include "core/config/values.h"

namespace strait {

enum class Affects {
  kResults,  // the trained parameters
  kSpeed,    // virtual or wall time, nothing else
  kOutput,   // what is written, nothing else
};

/// In which part of the hello islands compare it.
enum class Agreement { kNone, kModel, kStrategy, kCodec, kData };

struct Key {
  std::string name;  // "run.rounds": section.key in a scenario, --section.key as an option
  Affects affects = Affects::kResults;
  Agreement agreement = Agreement::kNone;
  ValueRule rule;
  std::string help;
  std::function<void(RunConfig&, std::string_view)> parse;  // throws BadQuantity
  std::function<std::string(const RunConfig&)> print;

  std::string section() const { return name.substr(0, name.find('.')); }
  std::string short_name() const { return name.substr(name.find('.') + 1); }
};

const std::vector<Key>& keys();

/// Null if there is none.
const Key* find_key(std::string_view name);

/// The names without their section that the command line takes too: {"rounds", "run.rounds"}.
struct ShortOption {
  std::string name;
  std::string key;
};
const std::vector<ShortOption>& short_options();

/// "run.strtegy is not a key; did you mean run.strategy?". A key of another section is named too.
std::string unknown_key(std::string_view name);

/// Every key with its default and meaning, a line each, by section: for --help.
std::string keys_help();

}  // namespace strait
