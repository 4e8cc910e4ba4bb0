#include <array>
#include <utility>

#include "core/base/errors.h"
#include "core/train/strategies/rows.h"

namespace strait {

namespace {

struct StrategyRow {
  std::string_view name;
  std::unique_ptr<Strategy> (*make)(const StrategyPorts&, const OuterOptions&);
  Commits commits;
};

constexpr std::array kTable{
    StrategyRow{"diloco", make_diloco, Commits::kRounds},
    StrategyRow{"data_parallel", make_data_parallel, Commits::kSteps},
    StrategyRow{"local", make_local, Commits::kNothing},
};

constexpr std::array kPolicies{
    std::pair<std::string_view, MissedRounds>{"continue", MissedRounds::kContinue},
    std::pair<std::string_view, MissedRounds>{"receive", MissedRounds::kReceive},
    std::pair<std::string_view, MissedRounds>{"rejoin", MissedRounds::kRejoin}};
constexpr std::array kWeights{std::pair<std::string_view, Weights>{"uniform", Weights::kUniform},
                              std::pair<std::string_view, Weights>{"examples", Weights::kExamples},
                              std::pair<std::string_view, Weights>{"tokens", Weights::kTokens}};

template <class Table>
auto by_name(const char* key, const char* what, const Table& table, std::string_view name) {
  std::string known;
  for (const auto& [row_name, value] : table) {
    if (row_name == name) return value;
    known += (known.empty() ? "" : ", ") + std::string(row_name);
  }
  throw UserError(std::string(key) + ": '" + std::string(name) + "' is no " + what +
                  "; use one of: " + known);
}

}  // namespace

std::unique_ptr<Strategy> make_strategy(std::string_view name, const StrategyPorts& ports,
                                        const OuterOptions& outer) {
  std::string known;
  for (const StrategyRow& row : kTable) {
    if (row.name == name) return row.make(ports, outer);
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw UserError("run.strategy: '" + std::string(name) + "' is no strategy; use one of: " + known);
}

std::vector<std::string_view> strategy_names() {
  std::vector<std::string_view> names;
  for (const StrategyRow& row : kTable) names.push_back(row.name);
  return names;
}

MissedRounds missed_rounds(std::string_view name) {
  return by_name("rounds.missed", "policy", kPolicies, name);
}

Weights weights(std::string_view name) {
  return by_name("rounds.weights", "weighting", kWeights, name);
}

Commits commits_of(std::string_view strategy) {
  for (const StrategyRow& row : kTable) {
    if (row.name == strategy) return row.commits;
  }
  return Commits::kNothing;
}

}  // namespace strait
