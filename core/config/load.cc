#include "core/config/load.h"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/base/places.h"
#include "core/base/text.h"
#include "core/config/arguments.h"
#include "core/config/environment.h"
#include "core/config/ini.h"
#include "core/config/keys.h"
#include "core/config/mistakes.h"
#include "core/train/data/corpus.h"

namespace strait {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCommandLine = "command line";
constexpr const char* kScenarios = "scenarios";

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

std::vector<std::string> scenarios_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".ini" && is_file(entry.path()))
      names.push_back(entry.path().lexically_normal());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::vector<std::string> scenario_names() {
  std::vector<std::string> names;
  for (const auto& path : scenarios_in(find_ours(kScenarios))) {
    names.push_back(fs::path(path).stem());
  }
  return names;
}

namespace {

/// Beside the wanted scenario, or else of ours by name: the nearest one, or all.
std::string other_scenarios(const fs::path& wanted) {
  std::vector<std::string> paths = scenarios_in(folder_of(wanted));
  if (paths.empty()) paths = scenario_names();
  if (paths.empty()) return "; write the path of a scenario, e.g. scenarios/demo.ini";
  std::vector<std::string> names;
  for (const auto& path : paths) names.push_back(fs::path(path).stem());
  const auto nearest = nearest_name(wanted.stem().string(), names);
  if (!nearest) return fmt::format("; there are {}", join(paths, ", ", " and "));
  const auto at = std::find(names.begin(), names.end(), *nearest) - names.begin();
  return fmt::format("; did you mean {}?", paths[static_cast<std::size_t>(at)]);
}

std::string find_scenario(const std::string& wanted) {
  if (is_file(wanted)) return wanted;
  const fs::path named = find_ours(fmt::format("{}/{}.ini", kScenarios, wanted));
  if (wanted.find('/') == std::string::npos && is_file(named)) return named;
  std::error_code ignored;
  const bool folder = fs::is_directory(wanted, ignored);
  throw UserError(fmt::format("{} {}{}", folder ? "a folder is no scenario:" : "no scenario",
                              wanted, other_scenarios(wanted)));
}

class Loader {
 public:
  void read_file_entries(const std::string& path) { read_text(read_file(path), path, path); }

  void read_text(const std::string& text, const std::string& path, const std::string& scenario) {
    const IniFile file = parse_ini(text, path);
    for (const auto& section : file.sections) check_section(section, path);
    for (const auto& entry : file.entries) {
      set(full_name(entry, path), entry.value, fmt::format("{}:{}", path, entry.line));
    }
    loaded_.scenario = scenario;
    seen_.clear();  // the command line may override what the file says
  }

  /// Over what the file says, under what the command line does.
  void read_environment() {
    std::vector<std::string> environment;
    for (char** line = ::environ; line != nullptr && *line != nullptr; ++line) {
      environment.emplace_back(*line);
    }
    for (const auto& [variable, key, value] : environment_settings(environment)) {
      set(key, value, variable);
    }
    seen_.clear();
  }

  void read_arguments(const std::vector<Argument>& arguments) {
    for (const auto& [key, value] : arguments) set(key, value, kCommandLine);
  }

  LoadedConfig finish() {
    find_files();
    check_device();
    loaded_.config = filled_in(loaded_.given);
    ask_data();
    if (const auto mistake = find_mistake(loaded_.config); mistake) {
      throw UserError(mistake->line() + place_of(mistake->key));
    }
    return std::move(loaded_);
  }

 private:
  /// A device wins over a step that stands in a file, but not silently over one that was just
  /// typed.
  void check_device() const {
    const auto step = loaded_.origins.find("compute.step"),
               device = loaded_.origins.find("compute.device");
    if (loaded_.given.compute.device.empty() || step == loaded_.origins.end()) return;
    if (step->second != kCommandLine) return;
    throw UserError(
        fmt::format("compute.step: compute.device = {} ({}) says how long a step takes; take one "
                    "away, e.g. with "
                    "--compute.device ''{}",
                    loaded_.given.compute.device, device->second, place_of("compute.step")));
  }

  static void check_section(const IniSection& section, const std::string& path) {
    std::vector<std::string> known;
    for (const Key& key : keys()) known.push_back(key.section());
    if (std::find(known.begin(), known.end(), section.name) != known.end()) return;
    const auto nearest = nearest_name(section.name, known);
    known.erase(std::unique(known.begin(), known.end()), known.end());
    throw UserError(fmt::format("[{}] is not a section; {} ({}:{})", section.name,
                                nearest ? fmt::format("did you mean [{}]?", *nearest)
                                        : fmt::format("there are {}", join(known, ", ", " and ")),
                                path, section.line));
  }

  /// A dotted key may stand before the first section.
  static std::string full_name(const IniEntry& entry, const std::string& path) {
    if (!entry.section.empty()) return entry.section + "." + entry.key;
    if (entry.key.find('.') != std::string::npos) return entry.key;
    throw UserError(fmt::format("{} stands before the first [section]; {} ({}:{})", entry.key,
                                "write the section's name above it", path, entry.line));
  }

  void set(const std::string& name, const std::string& value, const std::string& origin) {
    const Key* const key = find_key(name);
    if (key == nullptr) throw UserError(fmt::format("{} ({})", unknown_key(name), origin));
    if (const auto [earlier, first] = seen_.try_emplace(name, origin); !first) {
      throw UserError(earlier->second == origin
                          ? fmt::format("{} is given twice ({}); keep one", name, origin)
                          : fmt::format("{} is given twice: {} and {}; keep one", name,
                                        earlier->second, origin));
    }
    if (value.empty() && !key->rule.example.empty()) {
      throw UserError(fmt::format("{} has no value; write e.g. {} = {} ({})", name, name,
                                  key->rule.example, origin));
    }
    try {
      key->parse(loaded_.given, value);
    } catch (const BadQuantity& error) {
      const std::string_view comment =
          has_comment_behind(value) ? "; a comment needs a line of its own" : "";
      throw UserError(fmt::format("{}: {}{} ({})", name, error.what(), comment, origin));
    }
    loaded_.origins[name] = origin;
  }

  void find_files() {
    find_csv("network.links", loaded_.given.network.links);
    find_csv("network.islands", loaded_.given.network.islands);
    find_csv("network.regions", loaded_.given.network.regions);
    find_csv("network.bottlenecks", loaded_.given.network.bottlenecks);
    find_csv("network.events", loaded_.given.network.events);
    find_csv("model.start", loaded_.given.model.start);
    auto& text = loaded_.given.data.text;
    if (text != "manpages") text = find_text(text);
  }

  std::string find_text(const std::string& path) {
    if (const auto found = beside_scenario("data.text", path)) return *found;
    throw UserError(
        fmt::format("data.text: no folder or file {}; name text or token files, a folder of them, "
                    "or write manpages{}",
                    path, place_of("data.text")));
  }

  /// What is 0 there says the data, where it is at hand.
  void ask_data() {
    auto& vocabulary = loaded_.config.model.vocabulary;
    if (loaded_.given.model.vocabulary != 0 || loaded_.given.task.name != "language") return;
    vocabulary = vocabulary_of_text(loaded_.given.data.text);
  }

  void find_csv(const std::string& key, std::string& path) {
    if (path.empty()) return;
    const auto found = beside_scenario(key, path);
    std::error_code ignored;
    if (!found || fs::is_directory(*found, ignored)) {
      throw UserError(fmt::format("{}: no file {}; write its path from the scenario's folder{}",
                                  key, path, place_of(key)));
    }
    path = *found;
  }

  /// The first of scenario's folder and current folder (the other way round for the command line)
  /// in which `path` exists.
  std::optional<std::string> beside_scenario(const std::string& key, const std::string& path) {
    const fs::path here = fs::path(path).lexically_normal();
    const fs::path beside = (fs::path(folder_of(loaded_.scenario)) / path).lexically_normal();
    std::vector<fs::path> candidates = {beside, here};
    if (!is_from_file(key)) std::swap(candidates[0], candidates[1]);
    for (const auto& candidate : candidates) {
      if (!files_matching(candidate).empty()) return candidate.string();
    }
    return std::nullopt;
  }

  bool is_from_file(const std::string& key) const {
    const auto origin = loaded_.origins.find(key);
    return origin == loaded_.origins.end() || origin->second.find(':') != std::string::npos;
  }

  std::string place_of(const std::string& key) const {
    const auto origin = loaded_.origins.find(key);
    return origin == loaded_.origins.end() ? " (default)" : fmt::format(" ({})", origin->second);
  }

  LoadedConfig loaded_;
  std::map<std::string, std::string> seen_;  // places of the keys of the source that is being read
};

}  // namespace

std::string LoadedConfig::name() const {
  const std::string file = fs::path(scenario).filename();
  return scenario.empty() ? "run" : file.substr(0, file.find('.', 1));
}

LoadedConfig load_config(const std::string& scenario, const std::vector<std::string>& arguments) {
  const Arguments read = parse_arguments(arguments);
  if (!scenario.empty() && !read.scenario.empty()) {
    throw UserError(
        fmt::format("'{}' is one word too many: the scenario is {}; write --key value "
                    "for settings",
                    read.scenario, scenario));
  }
  const std::string& wanted = scenario.empty() ? read.scenario : scenario;
  Loader loader;
  if (!wanted.empty()) loader.read_file_entries(find_scenario(wanted));
  loader.read_environment();
  loader.read_arguments(read.settings);
  return loader.finish();
}

LoadedConfig load_config_text(const std::string& text, const std::string& name,
                              const std::string& where, const std::vector<std::string>& arguments) {
  const Arguments read = parse_arguments(arguments);
  if (!read.scenario.empty()) {
    throw UserError(
        fmt::format("'{}' is one word too many: the settings come from {}; write --key "
                    "value for others",
                    read.scenario, where));
  }
  Loader loader;
  loader.read_text(text, where, name);
  loader.read_environment();
  loader.read_arguments(read.settings);
  return loader.finish();
}

std::string resolved_ini(const LoadedConfig& loaded) {
  std::string text = "; Above each setting that is no default stands where it came from.\n\n";
  std::string section;
  for (const Key& key : keys()) {
    if (key.section() != section) {
      text += fmt::format("{}[{}]\n", section.empty() ? "" : "\n", section = key.section());
    }
    const auto origin = loaded.origins.find(key.name);
    const std::string given = key.print(loaded.given), counts = key.print(loaded.config);
    std::vector<std::string> notes;
    if (origin != loaded.origins.end()) notes.push_back(origin->second);
    if (given != counts) notes.push_back("stands for " + counts);
    if (!notes.empty()) text += fmt::format("; {}\n", join(notes, ", "));
    text += fmt::format("{} = {}\n", key.short_name(), quote_if_needed(given));
  }
  return text;
}

}  // namespace strait
