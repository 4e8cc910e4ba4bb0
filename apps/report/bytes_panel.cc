#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "apps/output/human.h"
#include "apps/report/bars.h"
#include "apps/report/page.h"
#include "apps/report/panels.h"
#include "apps/show/svg.h"

namespace strait {
namespace {

constexpr std::size_t kMostLinks = 24;  // bars of an arm: the busiest

double part(Bytes of, Bytes all) {
  return all > 0 ? static_cast<double>(of) / static_cast<double>(all) : 0;
}

std::string cause_color(std::size_t cause) { return fmt::format("var(--b{})", cause); }

std::string cause_words(std::size_t cause) {
  std::string name(kCauseNames[cause]);
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

std::string bytes_finding(const std::vector<ArmView>& arms) {
  const RunArm& first = arms.front().arm;
  std::string text =
      fmt::format("{} sends {}", arms.front().label, human_bytes(total_bytes(first)));
  for (const ArmView& view : arms) {
    if (&view == &arms.front() || total_bytes(view.arm) == 0) continue;
    text += fmt::format(", {} {}", view.label, human_bytes(total_bytes(view.arm)));
  }
  if (total_bytes(first) == 0) return text;
  return text + fmt::format("; {} of the {} is payload",
                            percent(part(first.bytes[0], total_bytes(first))),
                            arms.size() > 1 ? "first" : "whole");
}

double busy(const LinkUse& link, const RunArm& arm) {
  return arm.time > Nanos{0} ? seconds(link.busy) / seconds(arm.time) : 0;
}

std::vector<const LinkUse*> busiest(const RunArm& arm) {
  std::vector<const LinkUse*> links;
  for (const LinkUse& link : arm.links) links.push_back(&link);
  if (links.size() <= kMostLinks) return links;
  std::stable_sort(links.begin(), links.end(),
                   [](const auto* a, const auto* b) { return a->busy > b->busy; });
  links.resize(kMostLinks);
  return links;
}

std::string links_finding(const std::vector<ArmView>& arms) {
  std::string text = "The busiest link carries something";
  const char* between = " ";
  for (const ArmView& view : arms) {
    const auto most =
        std::max_element(view.arm.links.begin(), view.arm.links.end(),
                         [](const LinkUse& a, const LinkUse& b) { return a.busy < b.busy; });
    if (most == view.arm.links.end() || most->busy == Nanos{0}) continue;
    text += fmt::format("{}{} of the time ({}: {})", between, percent(busy(*most, view.arm)),
                        view.label, most->name);
    between = ", ";
  }
  return text;
}

std::vector<std::string> link_cells(const ArmView& view, const LinkUse& link) {
  const double s = seconds(view.arm.time);
  const BytesPerSecond mean{
      s > 0 ? static_cast<std::int64_t>(static_cast<double>(link.delivered) / s) : 0};
  return {view.label,
          link.name,
          link.configured ? human_rate(*link.configured) : "no limit",
          human_rate(mean),
          percent(busy(link, view.arm)),
          human_bytes(link.delivered),
          human_bytes(link.headers + link.acks),
          human_bytes(link.again),
          human_bytes(link.lost + link.dropped),
          human_bytes(link.background)};
}

}  // namespace

Bytes total_bytes(const RunArm& arm) {
  return std::accumulate(arm.bytes.begin(), arm.bytes.end(), Bytes{0});
}

std::string bytes_panel(const std::vector<ArmView>& arms) {
  Bytes most = 1;
  for (const ArmView& view : arms) most = std::max(most, total_bytes(view.arm));
  std::vector<KeyEntry> entries;
  std::vector<std::string> titles{"arm"};
  for (std::size_t cause = 0; cause < kCauseNames.size(); ++cause) {
    entries.push_back({cause_words(cause), cause_color(cause)});
    titles.push_back(cause_words(cause));
  }
  titles.emplace_back("all");
  std::string bars;
  std::vector<std::vector<std::string>> rows;
  for (const ArmView& view : arms) {
    std::vector<Part> parts;
    std::vector<std::string> row{view.label};
    for (std::size_t cause = 0; cause < kCauseNames.size(); ++cause) {
      parts.push_back({part(view.arm.bytes[cause], most), cause_color(cause)});
      row.push_back(human_count(view.arm.bytes[cause]));
    }
    row.push_back(human_count(total_bytes(view.arm)));
    bars += bar_row(view.label, bar(parts), human_bytes(total_bytes(view.arm)));
    rows.push_back(std::move(row));
  }
  return panel(
      bytes_finding(arms),
      key(entries) + bar_rows(bars) +
          note("As handed to connections by all islands and the coordinator; what TCP adds "
               "is counted per link.") +
          data_table("the bytes", titles, rows));
}

std::string links_panel(const std::vector<ArmView>& arms) {
  std::string text;
  std::vector<std::vector<std::string>> rows;
  for (const ArmView& view : arms) {
    const auto links = busiest(view.arm);
    std::string bars;
    for (const LinkUse* link : links) {
      bars += bar_row(link->name, bar({{std::min(busy(*link, view.arm), 1.0), "var(--b0)"}}),
                      percent(busy(*link, view.arm)));
      rows.push_back(link_cells(view, *link));
    }
    if (bars.empty() || total_bytes(view.arm) == 0) continue;
    const std::string some =
        links.size() < view.arm.links.size()
            ? fmt::format("; the busiest {} of {} links", links.size(), view.arm.links.size())
            : "";
    text += fmt::format("<h3>{}: share of its time that a link is busy{}</h3>\n{}",
                        xml_escaped(view.label), some, bar_rows(bars));
  }
  if (rows.empty()) {
    return panel("Links were not emulated",
                 note("Over a pipe there are none; of real ones the machines' own counters tell."));
  }
  return panel(links_finding(arms),
               text + data_table("the links",
                                 {"arm", "link", "configured", "mean rate", "busy", "carried",
                                  "headers, ACKs", "sent again", "lost, dropped", "others'"},
                                 rows));
}

}  // namespace strait
