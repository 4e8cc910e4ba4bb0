#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "apps/output/human.h"
#include "apps/report/chart.h"
#include "apps/report/page.h"
#include "apps/report/panels.h"
#include "apps/report/scale.h"
#include "core/base/text.h"

namespace strait {
namespace {

/// Losses that span so many times are shown on a logarithmic axis.
constexpr double kWideLosses = 30;
constexpr std::size_t kMostTableRows = 120;

/// What a loss is drawn over.
enum class Over { kWork, kBytes, kSeconds };

struct LossPoint {
  const MetricsRow* row = nullptr;
  Bytes sent = 0;  // so far, by all
  double loss = 0;
};

/// Held-out where it was evaluated; of a run that never was, the training loss.
std::vector<LossPoint> loss_points(const RunArm& arm) {
  const bool held_out = std::any_of(arm.rows.begin(), arm.rows.end(),
                                    [](const MetricsRow& row) { return row.held_out; });
  std::vector<LossPoint> points;
  Bytes sent = 0;
  for (const MetricsRow& row : arm.rows) {
    sent += row.sent.total();
    const std::optional<double>& loss = held_out ? row.held_out : row.loss;
    if (loss) points.push_back({&row, sent, *loss});
  }
  return points;
}

bool talks(const RunArm& arm) { return arm.bytes[0] > 0; }

/// Seconds on the axis as the unit that a person would take.
struct TimeUnit {
  double seconds = 1;
  const char* name = "seconds";
};

TimeUnit time_unit(const std::vector<ArmView>& arms) {
  Nanos longest{0};
  for (const ArmView& view : arms) longest = std::max(longest, view.arm.time);
  const double s = seconds(longest);
  if (s < 2) return {1e-3, "milliseconds"};
  if (s < 240) return {1, "seconds"};
  if (s < 4 * 3600) return {60, "minutes"};
  if (s < 4 * 86400) return {3600, "hours"};
  return {86400, "days"};
}

bool has_tokens(const std::vector<ArmView>& arms) {
  return std::any_of(arms.begin(), arms.end(),
                     [](const ArmView& view) { return view.arm.rows.back().tokens > 0; });
}

Chart loss_chart(const std::vector<ArmView>& arms, Over over) {
  const TimeUnit unit = time_unit(arms);
  const bool tokens = has_tokens(arms);
  Chart chart;
  chart.y = {.title = loss_unit(arms.front().run), .tick = short_number};
  switch (over) {
    case Over::kWork:
      chart.x = {.title = tokens ? "tokens, all islands" : "inner steps", .tick = short_number};
      break;
    case Over::kBytes:
      chart.x = {.title = "bytes sent by all islands (log scale)",
                 .log = true,
                 .tick = [](double bytes) { return short_number(bytes) + "B"; }};
      break;
    case Over::kSeconds:
      chart.x = {.title = fmt::format("{} on the network", unit.name), .tick = short_number};
      break;
  }
  double low = INFINITY, high = 0;
  for (const ArmView& view : arms) {
    Series series{.name = view.label, .color = view.color, .points = {}};
    Bytes payload = 0;
    const auto points = loss_points(view.arm);
    series.level = over == Over::kBytes && !talks(view.arm);
    auto row = view.arm.rows.begin();
    for (const LossPoint& point : points) {
      const double y = shown_loss(view.run, point.loss);
      for (; row != view.arm.rows.end() && &*row <= point.row; ++row) payload += row->sent.payload;
      low = std::min(low, y);
      high = std::max(high, y);
      switch (over) {
        case Over::kWork:
          series.points.push_back(
              {static_cast<double>(tokens ? point.row->tokens : point.row->step), y});
          break;
        case Over::kBytes:
          // What is said before the first exchange would only stretch the axis.
          if (payload > 0) series.points.push_back({static_cast<double>(point.sent), y});
          break;
        case Over::kSeconds:
          series.points.push_back({seconds(point.row->virtual_time) / unit.seconds, y});
          break;
      }
    }
    if (series.level && !points.empty()) {
      series.points = {{0, shown_loss(view.run, points.back().loss)}};
      series.name += ": sends nothing";
    } else if (!points.empty()) {
      series.name += fmt::format(": {}", loss_text(view.run, points.back().loss));
    } else {
      series.name += ": no loss";
    }
    chart.series.push_back(std::move(series));
  }
  chart.y.log = low > 0 && high > kWideLosses * low;
  return chart;
}

/// Where the arm first has at most this loss.
std::optional<LossPoint> reached(const ArmView& view, double loss) {
  for (const LossPoint& point : loss_points(view.arm)) {
    if (point.loss <= loss) return point;
  }
  return std::nullopt;
}

/// The first two arms that talk: what is compared.
struct Pair {
  const ArmView& one;
  const ArmView& other;
  double loss = 0;  // that both have reached
};

std::optional<Pair> compared(const std::vector<ArmView>& arms) {
  std::vector<const ArmView*> talking;
  for (const ArmView& view : arms) {
    if (talks(view.arm) && !loss_points(view.arm).empty()) talking.push_back(&view);
  }
  if (talking.size() < 2) return std::nullopt;
  return Pair{
      *talking[0], *talking[1],
      std::max(loss_points(talking[0]->arm).back().loss, loss_points(talking[1]->arm).back().loss)};
}

std::string finding_alone(const ArmView& view, Over over) {
  const auto points = loss_points(view.arm);
  if (points.empty()) return "No loss was measured";
  const MetricsRow& last = *points.back().row;
  const std::string fall = fmt::format("{}: the loss goes from {} to {}", view.label,
                                       loss_text(view.run, points.front().loss),
                                       loss_text(view.run, points.back().loss));
  switch (over) {
    case Over::kWork:
      return last.tokens > 0 ? fmt::format("{} over {} tokens", fall, human_count(last.tokens))
                             : fmt::format("{} over {} inner steps", fall, human_count(last.step));
    case Over::kBytes: return fmt::format("{} for {} sent", fall, human_bytes(points.back().sent));
    case Over::kSeconds:
      return fmt::format("{} in {} on the network", fall, human_time(last.virtual_time));
  }
  return fall;
}

std::string finding(const std::vector<ArmView>& arms, Over over) {
  const auto pair = compared(arms);
  if (!pair) return finding_alone(arms.front(), over);
  const auto& [one, other, loss] = *pair;
  if (over == Over::kWork) {
    const LossPoint a = loss_points(one.arm).back(), b = loss_points(other.arm).back();
    const std::int64_t tokens = a.row->tokens;
    const std::string end = one.run.text
                                ? fmt::format("{} bits per byte", loss_text(one.run, a.loss))
                                : fmt::format("a loss of {}", loss_text(one.run, a.loss));
    return fmt::format("{} ends at {}, {} at {}{}", one.label, end, other.label,
                       loss_text(other.run, b.loss),
                       tokens > 0 && tokens == b.row->tokens
                           ? fmt::format(", after {} tokens each", human_count(tokens))
                           : "");
  }
  const LossPoint a = *reached(one, loss), b = *reached(other, loss);
  const auto cost = [&](const LossPoint& point) {
    return over == Over::kBytes ? human_bytes(point.sent) : human_time(point.row->virtual_time);
  };
  return fmt::format("{} has a loss of {} after {}, {} after {}", one.label,
                     loss_text(one.run, loss), cost(a), other.label, cost(b));
}

std::string losses_table(const std::vector<ArmView>& arms) {
  std::vector<std::vector<std::string>> rows;
  for (const ArmView& view : arms) {
    const auto points = loss_points(view.arm);
    const std::size_t all = points.size();
    const std::size_t stride = (all * arms.size() + kMostTableRows - 1) / kMostTableRows;
    for (std::size_t i = 0; i < all; ++i) {
      if (i % std::max<std::size_t>(stride, 1) != 0 && i + 1 != all) continue;
      const LossPoint& point = points[i];
      rows.push_back({view.label, fmt::format("{}", point.row->round),
                      loss_text(view.run, point.loss), human_count(point.row->tokens),
                      human_bytes(point.sent), human_time(point.row->virtual_time)});
    }
  }
  return data_table("the figures (all of them are in metrics.csv)",
                    {"arm", "round", loss_unit(arms.front().run), "tokens", "sent", "time"}, rows);
}

constexpr std::array kOver{Over::kWork, Over::kBytes, Over::kSeconds};

/// What the picture of this name shows.
std::vector<Over> shown_over(std::string_view which) {
  if (which == "tokens") return {Over::kWork};
  if (which == "bytes") return {Over::kBytes};
  if (which == "seconds") return {Over::kSeconds};
  return {Over::kSeconds, Over::kBytes};
}

}  // namespace

std::string loss_panel(const std::vector<ArmView>& arms) {
  std::string charts;
  for (const Over over : kOver) {
    const std::string title = finding(arms, over);
    charts += fmt::format("<div><h3>{}</h3>\n{}</div>\n", xml_escaped(title),
                          inline_chart(loss_chart(arms, over), title));
  }
  const bool held_out = std::any_of(arms.front().arm.rows.begin(), arms.front().arm.rows.end(),
                                    [](const MetricsRow& row) { return row.held_out; });
  return panel(held_out ? "Loss on held-out data, by what it cost"
                        : "Training loss, by what it cost (nothing was held out)",
               fmt::format("<div class=\"charts\">\n{}</div>\n{}", charts, losses_table(arms)));
}

std::string loss_svg(const std::vector<ArmView>& arms, std::string_view which) {
  const std::vector<Over> shown = shown_over(which);
  std::vector<std::string> titles;
  for (const Over over : shown) titles.push_back(finding(arms, over));
  if (const std::size_t comma = titles.front().find(", ");
      shown.size() == 1 && comma != titles.front().npos) {
    titles = {titles.front().substr(0, comma + 1), titles.front().substr(comma + 2)};
  }
  Svg title;
  int top = 0;
  for (const std::string& line : titles) {
    title.text(4, top += 20, line, {.size = 13, .bold = true, .fill = "var(--ink)"});
  }
  top += 14;
  Svg charts;
  int width = 0, height = 0;
  for (const Over over : shown) {
    height = draw_chart(charts, loss_chart(arms, over), width);
    width += kChartWidth;
  }
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} "
      "{1}\" role=\"img\" font-family=\"DejaVu Sans, Verdana, Helvetica, Arial, sans-serif\">\n"
      "<title>{2}</title>\n<style>{3}</style>\n<rect width=\"{0}\" height=\"{1}\" "
      "fill=\"var(--paper)\"/>\n{4}<g transform=\"translate(0 {5})\">\n{6}</g>\n</svg>\n",
      width, height + top, xml_escaped(join(titles, " ")), palette_css(), title.shapes(), top,
      charts.shapes());
}

}  // namespace strait
