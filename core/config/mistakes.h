// Settings that can be read but not run. Pure function; any thread.
#pragma once

#include <optional>
#include <string>

#include "core/config/run_config.h"

namespace strait {

struct Mistake {
  std::string key;
  std::string value;  // as printed
  std::string fix;    // "has to be 1 or more"

  std::string line() const;  // "run.rounds = 0: has to be 1 or more"
};

/// The first mistake of filled-in settings, if there is one.
std::optional<Mistake> find_mistake(const RunConfig& config);

}  // namespace strait
