#include <fmt/format.h>

#include <algorithm>

#include "apps/report/page.h"
#include "apps/report/panels.h"
#include "apps/show/svg.h"
#include "core/config/keys.h"

namespace strait {
namespace {

/// As the program has it now; empty for a key that it does not know.
std::string default_of(const std::string& key) {
  const Key* const known = find_key(key);
  return known == nullptr ? "" : known->print(RunConfig{});
}

std::string value_in(const RunFiles& run, const std::string& key) {
  for (const RunSetting& setting : run.settings) {
    if (setting.key == key) return setting.value;
  }
  return "";
}

/// The keys that differ from their default in one of the runs, in the order of the files.
std::vector<std::string> changed_keys(const std::vector<RunFiles>& runs) {
  std::vector<std::string> keys;
  for (const RunFiles& run : runs) {
    for (const RunSetting& setting : run.settings) {
      const bool known = std::find(keys.begin(), keys.end(), setting.key) != keys.end();
      if (!known && setting.value != default_of(setting.key)) keys.push_back(setting.key);
    }
  }
  return keys;
}

/// A demo has arms that a scenario cannot ask for.
std::string command(const RunFiles& run) {
  if (run.arms.size() == 1) return fmt::format("strait run {}/config.resolved.ini", run.folder);
  std::string text = "strait demo";
  for (const RunSetting& setting : run.settings) {
    if (!setting.origin.starts_with("command line") || setting.key == "run.out") continue;
    text += fmt::format(" --{} {}", setting.key, setting.value.empty() ? "''" : setting.value);
  }
  return text;
}

/// "commit    6ac4721e3fe2\n..." as one line.
std::string one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::string line;
  for (const char c : text) {
    if (c == '\n') line += ", ";
    if (c == '\n' || (c == ' ' && line.ends_with(' '))) continue;
    line += c;
  }
  return line;
}

}  // namespace

std::string settings_panel(const std::vector<RunFiles>& runs) {
  std::vector<std::string> titles{"setting", "default"};
  for (const RunFiles& run : runs) titles.push_back(run.name);
  if (runs.size() == 1) titles.emplace_back("from");
  std::vector<std::vector<std::string>> rows;
  for (const std::string& key : changed_keys(runs)) {
    std::vector<std::string> row{key, default_of(key)};
    for (const RunFiles& run : runs) row.push_back(value_in(run, key));
    if (runs.size() == 1) {
      const auto& settings = runs.front().settings;
      const auto found = std::find_if(settings.begin(), settings.end(),
                                      [&](const RunSetting& s) { return s.key == key; });
      row.push_back(found->origin);
    }
    rows.push_back(std::move(row));
  }
  std::string text;
  for (const RunFiles& run : runs) {
    text += fmt::format("<p><code>{}</code></p>\n", xml_escaped(command(run)));
    text += note(fmt::format("{}: {}; {} time", run.name, one_line(run.version), run.time));
  }
  return panel(fmt::format("To repeat it: {} settings are not the defaults", rows.size()),
               text + html_table(titles, rows));
}

}  // namespace strait
