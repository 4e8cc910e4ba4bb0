#include "apps/report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/report/page.h"
#include "apps/report/panels.h"
#include "apps/show/svg.h"

namespace strait {
namespace {

constexpr double kLn2 = 0.69314718055994530942;

std::string value_of(const RunFiles& run, const std::string& key) {
  for (const RunSetting& setting : run.settings) {
    if (setting.key == key) return setting.value;
  }
  return "";
}

/// The settings that runs differ in, but for what they write and how often they look. How many
/// rounds there are follows from how long they are, as a rule.
std::vector<std::string> telling_keys(const std::vector<RunFiles>& runs) {
  std::vector<std::string> keys;
  for (const RunSetting& setting : runs.front().settings) {
    const std::string& key = setting.key;
    if (key == "run.out" || key == "run.rounds" || key == "run.record") continue;
    if (key.starts_with("eval.") || key.starts_with("checkpoint.")) continue;
    const bool differs = std::any_of(runs.begin(), runs.end(), [&](const RunFiles& run) {
      return value_of(run, key) != setting.value;
    });
    if (differs) keys.push_back(key);
  }
  return keys;
}

/// "diloco H=20": what tells the run from the others; its folder's name if little
/// does, or too much.
std::vector<std::string> run_labels(const std::vector<RunFiles>& runs) {
  constexpr std::size_t kMany = 3;
  std::vector<std::string> names, labels;
  const std::vector<std::string> keys = telling_keys(runs);
  for (const RunFiles& run : runs) {
    names.push_back(run.name);
    std::string label;
    for (const std::string& key : keys) {
      const std::string value = value_of(run, key);
      const bool steps = key == "run.inner_steps";
      if (steps && value_of(run, "run.strategy") == "data_parallel") continue;  // exchanges each
      if (!label.empty()) label += ' ';
      label += key == "run.strategy" ? value
               : steps               ? "H=" + value
                                     : key.substr(key.find('.') + 1) + "=" + value;
    }
    labels.push_back(label);
  }
  std::vector<std::string> sorted = labels;
  std::sort(sorted.begin(), sorted.end());
  const bool unique = std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end();
  return unique && !keys.empty() && keys.size() <= kMany ? labels : names;
}

}  // namespace

std::vector<ArmView> arm_views(const std::vector<RunFiles>& runs) {
  std::vector<ArmView> views;
  const std::vector<std::string> labels = run_labels(runs);
  for (std::size_t r = 0; r < runs.size(); ++r) {
    const RunFiles& run = runs[r];
    for (const RunArm& arm : run.arms) {
      const std::string label = runs.size() == 1       ? arm.name
                                : run.arms.size() == 1 ? labels[r]
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
