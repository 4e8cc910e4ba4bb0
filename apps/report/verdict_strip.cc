#include <fmt/format.h>

#include <cmath>

#include "apps/output/human.h"
#include "apps/report/page.h"
#include "apps/report/panels.h"
#include "apps/show/svg.h"

namespace strait {
namespace {

std::string card(std::string_view figure, std::string_view what) {
  return fmt::format("<div><b>{}</b><span>{}</span></div>\n", xml_escaped(figure),
                     xml_escaped(what));
}

std::string times(double ratio) { return fmt::format("{:.3g} x", ratio); }

int count_events(const RunArm& arm, std::string_view kind) {
  int count = 0;
  for (const RunEvent& event : arm.events) count += event.kind == kind;
  return count;
}

std::string faults(const RunArm& arm) {
  std::string text;
  const auto add = [&](std::string_view kind, std::string_view what) {
    const int count = count_events(arm, kind);
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", what, count);
  };
  add("island_killed", "killed");
  add("island_left", "left");
  add("island_joined", "joined");
  add("link_down", "link outages");
  add("abort", "aborted");
  add("missed", "missed");
  return text;
}

/// The arm that the first one is compared with; null if there is none that talks.
const RunArm* baseline(const RunFiles& run) {
  for (const RunArm& arm : run.arms) {
    if (&arm != &run.arms.front() && arm.bytes[0] > 0) return &arm;
  }
  return nullptr;
}

}  // namespace

std::string verdict_strip(const RunFiles& run) {
  const RunArm& arm = run.arms.front();
  const RunArm* const other = baseline(run);
  std::string cards;
  if (!std::isnan(arm.final_loss)) {
    cards += card(loss_text(run, arm.final_loss),
                  other == nullptr ? loss_unit(run)
                                   : fmt::format("{}; {}: {}", loss_unit(run), other->name,
                                                 loss_text(run, other->final_loss)));
  }
  const Bytes bytes = total_bytes(arm);
  if (other != nullptr && bytes > 0) {
    const Bytes others = total_bytes(*other);
    cards +=
        card(times(static_cast<double>(others) / static_cast<double>(bytes)),
             fmt::format("fewer bytes: {} instead of {}", human_bytes(bytes), human_bytes(others)));
    cards += card(
        times(seconds(other->time) / seconds(arm.time)),
        fmt::format("less time: {} instead of {}", human_time(arm.time), human_time(other->time)));
  } else {
    cards += card(human_bytes(bytes), "sent by all islands");
    cards += card(human_time(arm.time), "on the network");
  }
  const double all = seconds(arm.time);
  cards += card(percent(all > 0 ? 1 - arm.waiting_s / all : 0), "of the time not waiting");
  const std::string survived = faults(arm);
  const std::string work = fmt::format("{} islands, {} rounds of {} steps", arm.islands,
                                       arm.rows.back().round, arm.inner_steps);
  cards += card(survived.empty() ? "no faults" : "faults",
                survived.empty() ? work : fmt::format("{}; {}", survived, work));
  cards += card(fmt::format("seed {}", run.seed), fmt::format("settings {}", run.settings_hash));
  return panel(fmt::format("{}: {}", run.name, arm.name),
               fmt::format("<div class=\"strip\">\n{}</div>\n{}", cards, note(run.data)));
}

}  // namespace strait
