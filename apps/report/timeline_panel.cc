#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>

#include "apps/output/human.h"
#include "apps/report/bars.h"
#include "apps/report/page.h"
#include "apps/report/panels.h"
#include "apps/show/svg.h"

namespace strait {
namespace {

constexpr int kStates = static_cast<int>(kStateNames.size());
constexpr int kMostIslands = 32;     // rows of an arm
constexpr int kMostBins = 480;       // of a row
constexpr int kBinsOfAll = 24'000;   // so that the page stays small
constexpr std::size_t kClosely = 2;  // rounds that are shown closely

std::string_view words(int state) {
  constexpr std::array<std::string_view, kStates> kWords{"computing", "waiting", "killed",
                                                         "not there"};
  return kWords[static_cast<std::size_t>(state)];
}

/// "3.up" is island 3's; other links are nobody's.
std::optional<int> island_of_link(const std::string& name) {
  int island = 0;
  const char* const end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data(), end, island);
  if (error != std::errc{} || stop == end || *stop != '.') return std::nullopt;
  return island;
}

/// When a link of the island was down.
std::map<int, std::vector<Span>> outages(const RunArm& arm) {
  std::map<int, std::vector<Span>> result;
  std::map<std::string, double> since;
  const auto close = [&](const std::string& link, double begin, double end) {
    if (const auto island = island_of_link(link)) result[*island].push_back({begin, end, 0});
  };
  for (const RunEvent& event : arm.events) {
    const double now = seconds(event.time);
    if (event.kind == "link_down") since.try_emplace(event.subject, now);
    if (event.kind != "link_up") continue;
    const auto down = since.find(event.subject);
    if (down == since.end()) continue;
    close(event.subject, down->second, now);
    since.erase(down);
  }
  for (const auto& [link, begin] : since) close(link, begin, seconds(arm.time));
  return result;
}

std::string rows(const RunArm& arm, double end, int bins) {
  std::vector<std::vector<Span>> spans(static_cast<std::size_t>(arm.islands));
  std::vector<double> computing(spans.size());
  for (const StateSpan& span : arm.timeline) {
    const double from = seconds(span.begin), to = std::min(seconds(span.end), end);
    if (from >= to) continue;
    spans[static_cast<std::size_t>(span.island)].push_back({from, to, span.state});
    if (span.state == 0) computing[static_cast<std::size_t>(span.island)] += to - from;
  }
  const auto down = outages(arm);
  std::string text;
  for (int island = 0; island < std::min(arm.islands, kMostIslands); ++island) {
    const auto n = static_cast<std::size_t>(island);
    const auto marks = down.find(island);
    text += bar_row(
        fmt::format("island {}", island),
        strip(spans[n], 0, end, bins, kStates, "t",
              marks == down.end() ? std::span<const Span>{} : std::span<const Span>(marks->second)),
        end > 0 ? percent(computing[n] / end) : "");
  }
  return bar_rows(text);
}

std::string axis(Nanos end) {
  return fmt::format("<div class=\"axis\"><span>0 s</span><span>{}</span><span>{}</span></div>\n",
                     human_time(end / 2), human_time(end));
}

std::string arm_rows(const ArmView& view, int bins) {
  const RunArm& arm = view.arm;
  if (arm.timeline.empty()) {
    return fmt::format("<h3>{}</h3>\n{}", xml_escaped(view.label),
                       note("No island has finished a round."));
  }
  std::string text =
      fmt::format("<h3>{}: {}{}</h3>\n", xml_escaped(view.label), human_time(arm.time),
                  arm.islands > kMostIslands
                      ? fmt::format("; the first {} of {} islands", kMostIslands, arm.islands)
                      : "");
  text += rows(arm, seconds(arm.time), bins) + axis(arm.time);
  if (arm.rows.size() < 3 * kClosely) return text;
  const Nanos end = arm.rows[kClosely].virtual_time;
  if (end <= Nanos{0}) return text;
  return text + fmt::format(
                    "<details><summary>the first {} rounds, closely</summary>\n{}{}"
                    "</details>\n",
                    kClosely, rows(arm, seconds(end), bins), axis(end));
}

std::string shares_table(const std::vector<ArmView>& arms) {
  std::vector<std::string> titles{"arm"};
  for (int state = 0; state < kStates; ++state) titles.emplace_back(words(state));
  std::vector<std::vector<std::string>> cells;
  for (const ArmView& view : arms) {
    std::vector<std::string> row{view.label};
    for (const double share : state_shares(view.arm)) row.push_back(percent(share));
    cells.push_back(std::move(row));
  }
  return data_table("the shares (every interval is in timeline.csv)", titles, cells);
}

}  // namespace

std::vector<double> state_shares(const RunArm& arm) {
  std::vector<double> result(kStateNames.size());
  const double all = seconds(arm.time) * arm.islands;
  if (all <= 0) return result;
  for (const StateSpan& span : arm.timeline) {
    result[static_cast<std::size_t>(span.state)] += seconds(span.end - span.begin) / all;
  }
  return result;
}

std::string timeline_panel(const std::vector<ArmView>& arms) {
  std::string title = "Islands compute";
  int all_rows = 0;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    all_rows += 2 * std::min(arms[i].arm.islands, kMostIslands);
    if (i > 2) continue;
    title += fmt::format("{} {} of the time ({})", i > 0 ? "," : "",
                         percent(state_shares(arms[i].arm)[0]), arms[i].label);
  }
  const int bins = std::clamp(kBinsOfAll / all_rows, 60, kMostBins);
  std::vector<KeyEntry> entries;
  for (int state = 0; state < kStates; ++state) {
    entries.push_back({std::string(words(state)), fmt::format("var(--t{})", state)});
  }
  entries.push_back({"line above: its link is down", "var(--t2)"});
  std::string text = key(entries);
  for (const ArmView& view : arms) text += arm_rows(view, bins);
  return panel(title, text + shares_table(arms));
}

}  // namespace strait
