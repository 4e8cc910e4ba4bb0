#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "apps/output/human.h"
#include "apps/report/chart.h"
#include "apps/report/page.h"
#include "apps/report/panels.h"
#include "apps/report/scale.h"

namespace strait {
namespace {

constexpr std::size_t kMostEvents = 200;

using Counts = std::map<std::string, int>;

Counts count_events(const RunArm& arm) {
  Counts counts;
  for (const RunEvent& event : arm.events) ++counts[event.kind];
  return counts;
}

/// Rounds in which somebody took no part.
std::int64_t incomplete(const RunArm& arm) {
  return std::count_if(arm.rows.begin(), arm.rows.end(),
                       [](const MetricsRow& row) { return row.round > 0 && row.missing > 0; });
}

std::int64_t discarded(const RunArm& arm) {
  std::int64_t tokens = 0;
  for (const MetricsRow& row : arm.rows) tokens += row.discarded_tokens;
  return tokens;
}

std::string finding(const ArmView& view) {
  const RunArm& arm = view.arm;
  Counts counts = count_events(arm);
  const auto rounds = arm.rows.back().round;
  if (incomplete(arm) == 0 && counts["abort"] == 0) {
    return fmt::format("{}: all {} islands took part in each of the {} rounds", view.label,
                       arm.islands, rounds);
  }
  return fmt::format(
      "{}: {} of {} rounds went without somebody; attempts aborted: {}, rounds missed: {}, caught "
      "up: "
      "{}",
      view.label, incomplete(arm), rounds, counts["abort"], counts["missed"], counts["caught_up"]);
}

std::string counts_table(const std::vector<ArmView>& arms) {
  const std::vector<std::pair<std::string, std::string>> kinds{
      {"commit", "commits"},        {"abort", "aborts"},      {"missed", "missed"},
      {"caught_up", "caught up"},   {"suspect", "suspected"}, {"expelled", "expelled"},
      {"island_killed", "killed"},  {"island_left", "left"},  {"island_joined", "joined"},
      {"link_down", "link outages"}};
  std::vector<std::string> titles{"arm", "rounds"};
  for (const auto& [kind, title] : kinds) titles.push_back(title);
  titles.emplace_back("tokens discarded");
  std::vector<std::vector<std::string>> rows;
  for (const ArmView& view : arms) {
    Counts counts = count_events(view.arm);
    std::vector<std::string> row{view.label, fmt::format("{}", view.arm.rows.back().round)};
    for (const auto& [kind, title] : kinds) row.push_back(fmt::format("{}", counts[kind]));
    row.push_back(human_count(discarded(view.arm)));
    rows.push_back(std::move(row));
  }
  return html_table(titles, rows);
}

std::string events_table(const std::vector<ArmView>& arms) {
  std::vector<std::vector<std::string>> rows;
  for (const ArmView& view : arms) {
    for (const RunEvent& event : view.arm.events) {
      if (event.kind == "commit" || rows.size() >= kMostEvents) continue;
      rows.push_back({view.label, human_time(event.time), event.kind, event.subject});
    }
  }
  if (rows.empty()) return {};
  return data_table(fmt::format("what happened (at most {}; all in events.csv)", kMostEvents),
                    {"arm", "time", "event", "of"}, rows);
}

std::string whole_number(double value) {
  return value == std::round(value) ? short_number(value) : "";
}

Chart members_chart(const std::vector<ArmView>& arms) {
  Chart chart{.x = {.title = "round", .tick = short_number},
              .y = {.title = "islands that took part", .tick = whole_number},
              .series = {}};
  for (const ArmView& view : arms) {
    Series series{.name = view.label, .color = view.color, .points = {}};
    for (const MetricsRow& row : view.arm.rows) {
      if (row.round == 0) continue;
      series.points.push_back({static_cast<double>(row.round), static_cast<double>(row.members)});
    }
    chart.series.push_back(std::move(series));
  }
  return chart;
}

}  // namespace

std::string rounds_panel(const std::vector<ArmView>& arms) {
  const bool eventful = std::any_of(arms.begin(), arms.end(),
                                    [](const ArmView& view) { return incomplete(view.arm) > 0; });
  const std::string title = finding(arms.front());
  std::string text;
  if (eventful) {
    text += fmt::format("<div class=\"charts\"><div>\n{}</div></div>\n",
                        inline_chart(members_chart(arms), title));
  }
  return panel(title, text + counts_table(arms) + events_table(arms));
}

}  // namespace strait
