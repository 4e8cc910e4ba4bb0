#include "netsim/event_subjects.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/text.h"

namespace strait {
namespace {

/// "2.up" is the direction away from island 2.
struct Directed {
  std::string_view island;
  Direction direction = Direction::kBoth;
};

Directed directed(std::string_view text) {
  if (text.ends_with(".up")) return {text.substr(0, text.size() - 3), Direction::kUp};
  if (text.ends_with(".down")) return {text.substr(0, text.size() - 5), Direction::kDown};
  return {text, Direction::kBoth};
}

}  // namespace

EventSubjects::EventSubjects(const IslandNames& names, const NetworkDescription& network)
    : names_(names), network_(network) {
  for (std::size_t i = 0; i < network.links.size(); ++i) {
    by_name_[network.links[i].name] = static_cast<int>(i);
  }
}

void EventSubjects::add(std::string_view name, std::vector<int>& links) const {
  if (const auto found = by_name_.find(name); found != by_name_.end()) {
    links.push_back(found->second);
  }
}

LinkSubject EventSubjects::part_of(const CsvRow& row, std::string_view part) const {
  LinkSubject subject{{}, std::string(part)};
  add(part, subject.links);  // a bottleneck, or any link by its number
  if (!subject.links.empty()) return subject;
  if (const auto arrow = part.find('>'); arrow != std::string_view::npos) {
    const IslandId from = names_.island(row, "subject", trim(part.substr(0, arrow)));
    const IslandId to = names_.island(row, "subject", trim(part.substr(arrow + 1)));
    subject.name = fmt::format("{}>{}", from, to);
    add(subject.name, subject.links);
    if (!subject.links.empty()) return subject;
    row.refuse("subject", from == to
                              ? fmt::format("there is no link '{}' to itself", part)
                              : fmt::format("there is no link '{}': here each island has an access "
                                            "link; write {}.up or {}.down",
                                            part, from, to));
  }
  const auto [name, direction] = directed(part);
  const IslandId island = names_.island(row, "subject", name);
  subject.name = fmt::format("{}{}", island, part.substr(name.size()));
  const bool away = direction != Direction::kDown, back = direction != Direction::kUp;
  if (away) add(fmt::format("{}.up", island), subject.links);
  if (back) add(fmt::format("{}.down", island), subject.links);
  for (IslandId other = 0; other < network_.places; ++other) {
    if (away) add(fmt::format("{}>{}", island, other), subject.links);
    if (back) add(fmt::format("{}>{}", other, island), subject.links);
  }
  return subject;
}

LinkSubject EventSubjects::links(const CsvRow& row) const {
  LinkSubject subject;
  for (const std::string& part : split(row["subject"], '+')) {
    const LinkSubject more = part_of(row, part);
    subject.name += (subject.name.empty() ? "" : "+") + more.name;
    for (const int link : more.links) {
      if (std::find(subject.links.begin(), subject.links.end(), link) != subject.links.end()) {
        row.refuse("subject",
                   fmt::format("'{}' names link {} twice; keep one", row["subject"], name(link)));
      }
      subject.links.push_back(link);
    }
  }
  if (subject.links.empty()) {
    row.refuse("subject", fmt::format("'{}' names no link; write an island, e.g. 0, or 0.up, 0>1, "
                                      "or the name of a bottleneck",
                                      row["subject"]));
  }
  return subject;
}

IslandId EventSubjects::island(const CsvRow& row) const {
  const std::string& text = row["subject"];
  const auto [name, direction] = directed(text);
  const std::string& kind = row["kind"];
  if (direction != Direction::kBoth) {
    row.refuse("subject", fmt::format("'{}' is one direction of a link; an {} is for an island, "
                                      "e.g. {}",
                                      text, kind, name));
  }
  if (by_name_.count(text) > 0) {
    row.refuse("subject",
               fmt::format("'{}' is a link; an {} is for an island, e.g. 0", text, kind));
  }
  return names_.island(row, "subject", text);
}

}  // namespace strait
