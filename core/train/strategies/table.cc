#include <array>

#include "core/base/errors.h"
#include "core/train/strategies/rows.h"

namespace strait {

namespace {

struct Row {
  std::string_view name;
  std::unique_ptr<Strategy> (*make)(const StrategyPorts&, const OuterOptions&);
  bool rounds;  // its exchanges are committed or aborted by a coordinator
};

constexpr std::array kTable{
    Row{"diloco", make_diloco, /*rounds=*/true},
    Row{"data_parallel", make_data_parallel, /*rounds=*/false},
    Row{"local", make_local, /*rounds=*/false},
};

}  // namespace

std::unique_ptr<Strategy> make_strategy(std::string_view name, const StrategyPorts& ports,
                                        const OuterOptions& outer) {
  std::string known;
  for (const Row& row : kTable) {
    if (row.name == name) return row.make(ports, outer);
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw UserError("run.strategy: '" + std::string(name) + "' is no strategy; use one of: " + known);
}

std::vector<std::string_view> strategy_names() {
  std::vector<std::string_view> names;
  for (const Row& row : kTable) names.push_back(row.name);
  return names;
}

bool uses_rounds(std::string_view strategy) {
  for (const Row& row : kTable) {
    if (row.name == strategy) return row.rounds;
  }
  return false;
}

}  // namespace strait
