// strait report: what runs have left in their folders, as one HTML page or one picture.

#include <fmt/format.h>

#include <algorithm>

#include "apps/commands/commands.h"
#include "apps/report/report.h"
#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/base/text.h"

namespace strait {
namespace {

constexpr std::string_view kReportUsage =
    "write strait report RUN... [--out FILE], or strait report RUN... --svg FILE [--panel NAME]";

void check_panel(const std::string& panel) {
  const std::vector<std::string> names(kSvgPanels.begin(), kSvgPanels.end());
  if (std::find(names.begin(), names.end(), panel) != names.end()) return;
  const std::string nearest = did_you_mean(panel, names);
  throw UserError(fmt::format(
      "--panel: there is no '{}'{}", panel,
      nearest.empty() ? fmt::format("; there are {}", join(names, ", ", " and ")) : nearest));
}

}  // namespace

void report_run(const std::string& folder, std::FILE* out) {
  const std::string path = folder + "/report.html";
  write_file_atomically(path, report_html({read_run(folder)}));
  fmt::print(out, "report: {}\n", path);
}

int command_report(const std::vector<std::string>& arguments) {
  std::vector<std::string> folders = arguments;
  std::string out = take_option(folders, "--out", "file", kReportUsage);
  const std::string svg = take_option(folders, "--svg", "file", kReportUsage);
  const std::string panel = take_option(folders, "--panel", "name", kReportUsage);
  for (const std::string& word : folders) {
    if (word.starts_with("-")) {
      throw UserError(fmt::format("'{}' is no option of strait report; {}", word, kReportUsage));
    }
  }
  if (folders.empty()) throw UserError(fmt::format("no run; {}", kReportUsage));
  if (!panel.empty() && svg.empty()) {
    throw UserError(
        fmt::format("--panel is for a picture, and there is no --svg; {}", kReportUsage));
  }
  if (!out.empty() && !svg.empty()) {
    throw UserError(fmt::format("--out and --svg are two things; {}", kReportUsage));
  }
  if (!panel.empty()) check_panel(panel);
  std::vector<RunFiles> runs;
  for (const std::string& folder : folders) runs.push_back(read_run(folder));
  if (!svg.empty()) {
    write_file_atomically(svg, report_svg(runs, panel.empty() ? "loss" : panel), "--svg");
    fmt::print("picture: {}\n", svg);
    return 0;
  }
  if (out.empty()) out = runs.size() == 1 ? folders.front() + "/report.html" : "report.html";
  write_file_atomically(out, report_html(runs), "--out");
  fmt::print("report: {}\n", out);
  return 0;
}

}  // namespace strait
