#include "apps/report/run_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/config/ini.h"
#include "netsim/csv_rows.h"

namespace strait {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::string named(const CsvRow& row, std::string_view column, std::string_view what) {
  return fmt::format("'{}' is no {}; the file is damaged: run it again", row[column], what);
}

template <class T>
T number(const CsvRow& row, std::string_view column) {
  const std::string& text = row[column];
  T value{};
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || stop != text.data() + text.size()) {
    row.refuse(column, named(row, column, "number"));
  }
  return value;
}

std::int64_t count(const CsvRow& row, std::string_view column) {
  const auto value = number<std::int64_t>(row, column);
  if (value < 0) row.refuse(column, named(row, column, "count"));
  return value;
}

std::optional<double> measure(const CsvRow& row, std::string_view column) {
  if (row[column].empty()) return std::nullopt;
  const auto value = number<double>(row, column);
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

/// "12.345000001", exactly.
Nanos time_of(const CsvRow& row, std::string_view column) {
  try {
    return parse_duration(row[column] + "s");
  } catch (const BadQuantity&) {
    row.refuse(column, named(row, column, "time in seconds"));
  }
}

template <std::size_t n>
int one_of(const CsvRow& row, std::string_view column,
           const std::array<std::string_view, n>& names) {
  const auto found = std::find(names.begin(), names.end(), row[column]);
  if (found == names.end()) row.refuse(column, named(row, column, "kind that is known"));
  return static_cast<int>(found - names.begin());
}

RunArm& arm_of(RunFiles& run, const CsvRow& row) {
  for (RunArm& arm : run.arms) {
    if (arm.name == row["arm"]) return arm;
  }
  row.refuse("arm",
             fmt::format("verdict.json has no arm '{}'; the files are of two runs", row["arm"]));
}

// --- verdict.json ---

double value_of(const Json& figure) { return figure.at("value").get<double>(); }

Nanos nanos(double seconds) { return Nanos{std::llround(seconds * 1e9)}; }

void read_arm(const Json& json, RunFiles& run) {
  RunArm arm{.name = json.at("name").get<std::string>(),
             .islands = json.at("islands").get<int>(),
             .inner_steps = json.at("inner_steps_per_round").get<std::int64_t>(),
             .time = nanos(value_of(json.at("virtual_seconds"))),
             .waiting_s = value_of(json.at("waiting_seconds"))};
  const Json& bytes = json.at("bytes");
  for (std::size_t cause = 0; cause < kCauseNames.size(); ++cause) {
    arm.bytes[cause] = bytes.at(std::string(kCauseNames[cause])).at("value").get<Bytes>();
  }
  const Json& held_out = json.at("held_out");
  const Json& loss = held_out.at("loss").at("value");
  arm.final_loss = loss.is_number() ? loss.get<double>() : std::nan("");
  run.text = run.text || held_out.contains("bits_per_byte");
  run.arms.push_back(std::move(arm));
}

void read_verdict(const std::string& path, RunFiles& run) {
  try {
    const Json json = Json::parse(read_file(path));
    run.scenario = json.at("scenario").get<std::string>();
    run.time = json.at("time").get<std::string>();
    run.seed = json.at("seed").get<std::uint64_t>();
    run.settings_hash = json.at("settings_hash").get<std::string>();
    run.data = json.at("data").at("description").get<std::string>();
    for (const Json& arm : json.at("arms")) read_arm(arm, run);
  } catch (const Json::exception& error) {
    throw UserError(fmt::format("{}: the file is damaged: {}; run it again", path, error.what()));
  }
  const bool whole = std::all_of(run.arms.begin(), run.arms.end(),
                                 [](const RunArm& arm) { return arm.islands > 0; });
  if (whole && !run.arms.empty()) return;
  throw UserError(fmt::format("{}: there are no arms with islands in it; run it again", path));
}

// --- tables ---

void read_metrics(const std::string& path, RunFiles& run) {
  const auto rows = CsvFile(path).rows(
      "arm,round,step,tokens,loss,held_out,virtual_s,waiting_s,bytes_payload,bytes_start,"
      "bytes_control,bytes_framing,bytes_aborted,bytes_catch_up,members,verdict,missing,attempts,"
      "discarded_tokens,not_finite,wall_s,wall_late_s");
  for (const CsvRow& row : rows) {
    arm_of(run, row).rows.push_back(
        {.arm = row["arm"],
         .round = count(row, "round"),
         .step = count(row, "step"),
         .tokens = count(row, "tokens"),
         .loss = measure(row, "loss"),
         .held_out = measure(row, "held_out"),
         .virtual_time = time_of(row, "virtual_s"),
         .waiting = Nanos{0},  // nothing here needs it, and it may be negative
         .sent = {.payload = count(row, "bytes_payload"),
                  .start = count(row, "bytes_start"),
                  .control = count(row, "bytes_control"),
                  .framing = count(row, "bytes_framing"),
                  .aborted = count(row, "bytes_aborted"),
                  .catch_up = count(row, "bytes_catch_up")},
         .members = static_cast<int>(count(row, "members")),
         .verdict = row["verdict"],
         .missing = static_cast<int>(count(row, "missing")),
         .attempts = static_cast<int>(count(row, "attempts")),
         .discarded_tokens = count(row, "discarded_tokens")});
  }
}

void read_links(const std::string& path, RunFiles& run) {
  const auto rows = CsvFile(path).rows(
      "arm,link,payload_bytes,header_bytes,handshake_bytes,ack_bytes,retransmitted_bytes,"
      "background_bytes,delivered_bytes,dropped_bytes,lost_bytes,in_flight_bytes,busy_ns,"
      "configured_bytes_per_s");
  for (const CsvRow& row : rows) {
    LinkUse link{.name = row["link"],
                 .configured = std::nullopt,
                 .payload = count(row, "payload_bytes"),
                 .headers = count(row, "header_bytes") + count(row, "handshake_bytes"),
                 .acks = count(row, "ack_bytes"),
                 .again = count(row, "retransmitted_bytes"),
                 .background = count(row, "background_bytes"),
                 .delivered = count(row, "delivered_bytes"),
                 .dropped = count(row, "dropped_bytes"),
                 .lost = count(row, "lost_bytes"),
                 .busy = Nanos{count(row, "busy_ns")}};
    if (!row["configured_bytes_per_s"].empty()) {
      link.configured = BytesPerSecond{count(row, "configured_bytes_per_s")};
    }
    arm_of(run, row).links.push_back(std::move(link));
  }
}

void read_events(const std::string& path, RunFiles& run) {
  for (const CsvRow& row : CsvFile(path).rows("arm,time_ns,kind,subject,value")) {
    arm_of(run, row).events.push_back({Nanos{count(row, "time_ns")}, row["kind"], row["subject"]});
  }
}

void read_timeline(const std::string& path, RunFiles& run) {
  for (const CsvRow& row : CsvFile(path).rows("arm,island,kind,begin_ns,end_ns")) {
    RunArm& arm = arm_of(run, row);
    const StateSpan span{.island = static_cast<int>(count(row, "island")),
                         .state = one_of(row, "kind", kStateNames),
                         .begin = Nanos{count(row, "begin_ns")},
                         .end = Nanos{count(row, "end_ns")}};
    if (span.island >= arm.islands) {
      row.refuse("island", fmt::format("the arm has {} islands only", arm.islands));
    }
    if (span.end < span.begin) row.refuse("end_ns", "ends before it begins");
    arm.timeline.push_back(span);
  }
}

/// What resolved_ini() writes above a setting; "default" where it writes nothing.
std::string origin_above(const std::vector<std::string_view>& lines, const IniEntry& entry) {
  if (entry.line < 2) return "default";
  const std::string_view above = lines[static_cast<std::size_t>(entry.line) - 2];
  constexpr std::string_view kComment = "; ";
  if (!above.starts_with(kComment) || above.starts_with("; stands for ")) return "default";
  return std::string(above.substr(kComment.size()));
}

void read_settings(const std::string& path, RunFiles& run) {
  const std::string text = read_file(path);
  std::vector<std::string_view> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(std::string_view(text).substr(at, end - at));
    at = end + 1;
  }
  try {
    for (const IniEntry& entry : parse_ini(text, "line").entries) {
      run.settings.push_back({fmt::format("{}.{}", entry.section, entry.key), entry.value,
                              origin_above(lines, entry)});
    }
  } catch (const UserError& error) {
    throw UserError(fmt::format("{}: {}; the file is damaged: run it again", path, error.what()));
  }
}

void check_files(const std::string& folder) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) {
    throw UserError(fmt::format(
        "{}: there is no such folder; write strait report RUN, e.g. runs/quadratic-001", folder));
  }
  if (!fs::exists(folder + "/config.resolved.ini", ignored)) {
    throw UserError(
        fmt::format("{}: the folder is not of a run: it has no config.resolved.ini; "
                    "write strait report RUN, e.g. runs/quadratic-001",
                    folder));
  }
  for (const char* file :
       {"metrics.csv", "links.csv", "events.csv", "timeline.csv", "verdict.json", "version.txt"}) {
    if (fs::exists(fmt::format("{}/{}", folder, file), ignored)) continue;
    throw UserError(fmt::format(
        "{}/{}: there is no such file: the run has failed or goes on, or is of an older program",
        folder, file));
  }
}

std::string last_part(const std::string& path) {
  const fs::path normal = fs::path(path + "/").lexically_normal().parent_path();
  return normal.filename().empty() ? path : normal.filename().string();
}

}  // namespace

RunFiles read_run(const std::string& folder) {
  check_files(folder);
  RunFiles run{.folder = folder, .name = last_part(folder)};
  read_verdict(folder + "/verdict.json", run);
  read_metrics(folder + "/metrics.csv", run);
  read_links(folder + "/links.csv", run);
  read_events(folder + "/events.csv", run);
  read_timeline(folder + "/timeline.csv", run);
  read_settings(folder + "/config.resolved.ini", run);
  run.version = read_file(folder + "/version.txt");
  for (const RunArm& arm : run.arms) {
    if (!arm.rows.empty()) continue;
    throw UserError(
        fmt::format("{}/metrics.csv: there is no row of arm '{}'; the file is damaged: "
                    "run it again",
                    folder, arm.name));
  }
  return run;
}

}  // namespace strait
