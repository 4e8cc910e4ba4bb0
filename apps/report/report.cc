#include "apps/report/report.h"

#include <fmt/format.h>

#include <cmath>

#include "apps/report/page.h"
#include "apps/report/panels.h"
#include "apps/show/svg.h"

namespace strait {
namespace {

constexpr double kLn2 = 0.69314718055994530942;

}  // namespace

std::vector<ArmView> arm_views(const std::vector<RunFiles>& runs) {
  std::vector<ArmView> views;
  for (const RunFiles& run : runs) {
    for (const RunArm& arm : run.arms) {
      const std::string label = runs.size() == 1       ? arm.name
                                : run.arms.size() == 1 ? run.name
                                                       : fmt::format("{}: {}", run.name, arm.name);
      views.push_back({run, arm, label, static_cast<int>(views.size())});
    }
  }
  return views;
}

double shown_loss(const RunFiles& run, double loss) { return run.text ? loss / kLn2 : loss; }

std::string loss_text(const RunFiles& run, double loss) {
  if (std::isnan(loss)) return "none";
  return run.text ? fmt::format("{:.3f}", shown_loss(run, loss)) : fmt::format("{:.4g}", loss);
}

std::string loss_unit(const RunFiles& run) { return run.text ? "bits per byte" : "loss"; }

std::string percent(double fraction) {
  // Nearly all is not all.
  const bool nearly = fraction < 1 && fraction > 0.9995;
  return fmt::format("{:.{}f} %", 100 * fraction, nearly ? 2 : 1);
}

std::string report_html(const std::vector<RunFiles>& runs) {
  const std::vector<ArmView> arms = arm_views(runs);
  std::string title, body;
  for (const RunFiles& run : runs) title += (title.empty() ? "" : ", ") + run.name;
  body += fmt::format("<h1>{}</h1>\n", xml_escaped(title));
  for (const RunFiles& run : runs) body += verdict_strip(run);
  body += loss_panel(arms);
  body += timeline_panel(arms);
  body += bytes_panel(arms);
  body += links_panel(arms);
  body += rounds_panel(arms);
  body += settings_panel(runs);
  return page(fmt::format("Strait: {}", title), body);
}

std::string report_svg(const std::vector<RunFiles>& runs, std::string_view panel) {
  return loss_svg(arm_views(runs), panel);
}

}  // namespace strait
