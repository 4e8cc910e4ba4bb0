// What the papers print of bandwidth and utilization, and the models behind it: what
// core/plan/bandwidth_model.h is held against, in tests and by `strait plan --papers`.
//
// Constant; any thread.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "core/plan/bandwidth_model.h"

namespace strait {

/// The columns of both tables.
inline constexpr std::array kUtilizations{0.50, 0.80, 0.90, 0.95, 0.99};

/// A row of a table: the Gbit/s that one model needs under one method, by utilization.
struct PublishedRow {
  std::string_view model;
  std::string_view method;
  TrainedModel trained;
  Exchanges exchanges;
  std::array<double, kUtilizations.size()> gbit_per_s;
};

struct PublishedTable {
  std::string_view title;  // with the paper
  std::span<const PublishedRow> rows;
};

/// Streaming DiLoCo (arXiv 2501.18512): 1B, 10B and 100B parameters, H = 100, 75 cells.
const PublishedTable& streaming_table();

/// Scaling laws for DiLoCo (arXiv 2503.09799): 10B, Llama 3 405B and DeepSeek-V3 671B, H = 10 to
/// 300, 60 cells. (Its data-parallel rows are those of H = 1: the 10B one differs by a step of the
/// grid from the other paper's.)
const PublishedTable& scaling_table();

/// INTELLECT-1 (arXiv 2412.01152): 10B parameters, int8, 38 minutes of computing per 100 steps.
struct PublishedDeployment {
  std::string_view name;
  double compute_s;
  double exchange_s;  // median
  double share_pct;   // of time in which it computed
};
std::span<const PublishedDeployment> intellect_1();

}  // namespace strait
