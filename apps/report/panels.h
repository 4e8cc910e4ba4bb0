// The panels of a report as HTML, each with its finding as title and its figures as a table behind
// it. Pure functions of what runs have left: the same runs give the same bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apps/report/run_files.h"

namespace strait {

/// An arm among all that a report shows, in the order of runs and arms.
struct ArmView {
  const RunFiles& run;
  const RunArm& arm;
  std::string label;  // the arm's name; of several runs, with the run's
  int color = 0;      // page.h, series_color
};

/// The runs outlive the result.
std::vector<ArmView> arm_views(const std::vector<RunFiles>& runs);

/// Its loss as people read it: bits per byte of text, else the loss itself.
double shown_loss(const RunFiles& run, double loss);
std::string loss_text(const RunFiles& run, double loss);
std::string loss_unit(const RunFiles& run);

/// Of all causes.
Bytes total_bytes(const RunArm& arm);

/// "12.3 %"
std::string percent(double fraction);

/// How much of the islands' time was computing, waiting, ..., by kStateNames.
std::vector<double> state_shares(const RunArm& arm);

std::string verdict_strip(const RunFiles& run);
std::string loss_panel(const std::vector<ArmView>& arms);
std::string timeline_panel(const std::vector<ArmView>& arms);
std::string bytes_panel(const std::vector<ArmView>& arms);
std::string links_panel(const std::vector<ArmView>& arms);
std::string rounds_panel(const std::vector<ArmView>& arms);
std::string settings_panel(const std::vector<RunFiles>& runs);

/// The loss as a picture of its own: "loss" (over time and bytes), "tokens", "bytes" or "seconds".
std::string loss_svg(const std::vector<ArmView>& arms, std::string_view panel);

}  // namespace strait
