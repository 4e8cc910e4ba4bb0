#include "apps/experiment/trained_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/experiment/churn.h"
#include "apps/experiment/session.h"
#include "apps/output/metrics_csv.h"
#include "apps/output/run_folder.h"
#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/config/keys.h"
#include "netsim/csv_rows.h"

namespace strait {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kSettings = "/config.resolved.ini";
constexpr const char* kVerdict = "/verdict.json";
constexpr const char* kMetrics = "/metrics.csv";

bool is_file(const std::string& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

Nanos nanos(double seconds) { return Nanos{std::llround(seconds * 1e9)}; }

TrainedArm arm_of(const Json& json) {
  TrainedArm arm{.options = {.name = json.at("name"),
                             .strategy = json.at("strategy"),
                             .islands = json.at("islands"),
                             .peak_lr = json.at("peak_lr")},
                 .rows = {},
                 .tokens = json.at("tokens").at("value"),
                 .time = nanos(json.at("virtual_seconds").at("value")),
                 .waited = nanos(json.at("waiting_seconds").at("value")),
                 .payload = json.at("bytes").at("payload").at("value")};
  for (const auto& [cause, bytes] : json.at("bytes").items()) {
    arm.wire += bytes.at("value").get<Bytes>();
  }
  if (json.contains("tcp")) arm.wire = json.at("tcp").at("sent").at("value");
  return arm;
}

std::vector<TrainedArm> read_verdict(const std::string& path) {
  std::vector<TrainedArm> arms;
  try {
    const Json verdict = Json::parse(read_file(path));
    for (const Json& arm : verdict.at("arms")) arms.push_back(arm_of(arm));
  } catch (const Json::exception& error) {
    throw UserError(fmt::format("{}: not what a run writes ({}); run it anew", path, error.what()));
  }
  return arms;
}

template <class T>
T number(const CsvRow& row, const char* column) {
  const std::string& text = row[column];
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    row.refuse(column, "not what a run writes; run it anew");
  }
  return value;
}

/// Puts the rows where they belong. Returns why the losses are bound to the network; else empty.
std::string read_metrics(const std::string& path, std::vector<TrainedArm>& arms) {
  std::string bound;
  const std::string header = metrics_header();
  for (const CsvRow& row : CsvFile(path).rows(trim(header))) {
    const auto arm = std::find_if(arms.begin(), arms.end(), [&](const TrainedArm& candidate) {
      return candidate.options.name == row["arm"];
    });
    if (arm == arms.end()) row.refuse("arm", "verdict.json has no such arm; run it anew");
    const auto round = number<std::int64_t>(row, "round");
    if (round != std::ssize(arm->rows)) row.refuse("round", "out of order; run it anew");
    TrainedRow& added = arm->rows.emplace_back();
    added.time = parse_duration(row["virtual_s"] + "s");
    if (!row["held_out"].empty()) added.held_out = number<double>(row, "held_out");
    const auto missing = number<int>(row, "missing");
    if (bound.empty() && round > 0 && missing > 0) {
      bound = fmt::format("round {} of {} was made without {} of {} islands", round,
                          arm->options.name, missing, arm->options.islands);
    }
  }
  return bound;
}

void check_keys(const RunConfig& trained, const RunConfig& wanted, const std::string& folder) {
  if (settings_hash(trained) == settings_hash(wanted)) return;
  for (const Key& key : keys()) {
    if (key.affects != Affects::kResults || key.print(trained) == key.print(wanted)) continue;
    throw UserError(fmt::format(
        "{} = {}: {} was trained with {}, and another value trains something else; run it anew",
        key.name, key.print(wanted), folder, key.print(trained)));
  }
}

}  // namespace

bool is_run_folder(const std::string& path) { return is_file(path + kSettings); }

LoadedConfig load_run(const std::string& folder, const std::vector<std::string>& keys) {
  if (!is_run_folder(folder)) {
    throw UserError(fmt::format(
        "{} is no run's folder: it has no config.resolved.ini; name one that strait run or strait "
        "demo has made, e.g. runs/demo-001",
        folder));
  }
  LoadedConfig own = load_config(folder + kSettings, {});
  if (keys.empty()) return own;
  LoadedConfig changed = load_config(folder + kSettings, keys);
  check_keys(own.config, changed.config, folder);
  return changed;
}

TrainedRun read_trained_run(const std::string& folder) {
  LoadedConfig loaded = load_run(folder, {});
  if (!is_file(folder + kVerdict)) {
    throw UserError(fmt::format(
        "{} has no verdict.json: the run has not come to its end; run it anew", folder));
  }
  TrainedRun run{.folder = folder,
                 .loaded = std::move(loaded),
                 .arms = read_verdict(folder + kVerdict),
                 .bound = {}};
  run.bound = read_metrics(folder + kMetrics, run.arms);
  if (run.bound.empty() && come_and_go(fabric_of(run.loaded.config))) {
    run.bound = "islands come and go in it (network.events, network.islands)";
  }
  return run;
}

std::string find_trained(const LoadedConfig& loaded) {
  const std::string version = version_text(loaded.config);
  // What a changed program trains, its commit does not say.
  if (version.find("dirty") != std::string::npos) return {};
  std::vector<std::string> folders;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(loaded.config.run.out, ignored)) {
    const std::string name = entry.path().filename();
    if (name.starts_with(loaded.name() + "-")) folders.push_back(entry.path());
  }
  std::sort(folders.rbegin(), folders.rend());
  for (const std::string& folder : folders) {
    if (!is_file(folder + kVerdict) || !is_file(folder + "/version.txt")) continue;
    if (read_file(folder + "/version.txt") == version) return folder;
  }
  return {};
}

}  // namespace strait
