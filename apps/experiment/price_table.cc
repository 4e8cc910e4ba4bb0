#include "apps/experiment/price_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "apps/output/human.h"
#include "apps/output/metrics_csv.h"
#include "apps/output/table.h"
#include "core/base/quantities.h"
#include "core/base/text.h"

namespace strait {

namespace {

double waiting_share(const Price& price) {
  return price.time > Nanos{0} ? seconds(price.waited) / seconds(price.time) : 0;
}

std::optional<double> perplexity(const PriceRow& row) {
  const auto loss = row.loss();
  if (!row.text || !loss) return std::nullopt;
  return std::exp(*loss);
}

std::string exact(std::optional<double> value) {
  return value ? fmt::format("{:.9g}", *value) : "";
}

std::string quoted(const std::string& cell) {
  if (cell.find_first_of(",\"") == std::string::npos) return cell;
  std::string text = "\"";
  for (const char c : cell) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + '"';
}

/// Whether a column of names says anything.
bool differ(const std::vector<PriceRow>& rows, std::string (*name)(const PriceRow&)) {
  return std::any_of(rows.begin(), rows.end(),
                     [&](const PriceRow& row) { return name(row) != name(rows.front()); });
}

struct Cells {
  Column column;
  std::string (*cell)(const PriceRow&);
};

std::string run_of(const PriceRow& row) { return row.run; }
std::string arm_of(const PriceRow& row) { return row.arm; }
std::string links_of(const PriceRow& row) { return row.links; }
std::string speed_of(const PriceRow& row) { return format_speed(row.speed); }

std::vector<Cells> columns_of(const std::vector<PriceRow>& rows) {
  std::vector<Cells> columns;
  if (differ(rows, run_of)) columns.push_back({{"run"}, run_of});
  if (differ(rows, arm_of)) columns.push_back({{"arm"}, arm_of});
  columns.push_back({{"links"}, links_of});
  if (differ(rows, speed_of) || rows.front().speed != 1'000'000) {
    columns.push_back({{"compute", Align::kRight}, speed_of});
  }
  columns.push_back(
      {{"time", Align::kRight}, [](const PriceRow& row) { return human_time(row.price.time); }});
  columns.push_back({{"waiting", Align::kRight}, [](const PriceRow& row) {
                       return fmt::format("{:.1f} %", 100 * waiting_share(row.price));
                     }});
  columns.push_back({{"payload", Align::kRight},
                     [](const PriceRow& row) { return human_bytes(row.price.payload); }});
  columns.push_back({{"on the wire", Align::kRight},
                     [](const PriceRow& row) { return human_bytes(row.price.wire); }});
  columns.push_back({{"loss", Align::kRight}, [](const PriceRow& row) {
                       const auto loss = row.loss();
                       return loss ? fmt::format("{:.4f}", *loss) : std::string("-");
                     }});
  if (std::any_of(rows.begin(), rows.end(), [](const PriceRow& row) { return row.text; })) {
    columns.push_back({{"perplexity", Align::kRight}, [](const PriceRow& row) {
                         const auto value = perplexity(row);
                         return value ? fmt::format("{:.3f}", *value) : std::string("-");
                       }});
  }
  return columns;
}

}  // namespace

std::optional<double> PriceRow::loss() const {
  const auto last = std::find_if(losses.rbegin(), losses.rend(), [](const auto& l) { return l; });
  return last == losses.rend() ? std::nullopt : *last;
}

std::optional<Nanos> PriceRow::time_to(std::optional<double> target) const {
  if (!target || !price.problem.empty()) return std::nullopt;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    if (losses[i] && *losses[i] <= *target) return price.rounds.at(i);
  }
  return std::nullopt;
}

PriceRow price_row(const std::string& run, const TrainedRun& trained, const TrainedArm& arm,
                   const Venue& venue, Price price) {
  PriceRow row{.run = run,
               .arm = arm.options.name,
               .links = venue.links,
               .speed = venue.speed,
               .tokens = arm.tokens,
               .islands = arm.options.islands,
               .text = trained.loaded.config.task.name == "language",
               .losses = {},
               .price = std::move(price)};
  for (const TrainedRow& round : arm.rows) row.losses.push_back(round.held_out);
  return row;
}

std::optional<double> worst_loss(const std::vector<PriceRow>& rows) {
  const auto worst = [&](int islands) {
    std::optional<double> loss;
    for (const PriceRow& row : rows) {
      const auto final = row.loss();
      if (row.islands >= islands && final) loss = std::max(loss.value_or(*final), *final);
    }
    return loss;
  };
  const auto of_those_who_talk = worst(2);
  return of_those_who_talk ? of_those_who_talk : worst(1);
}

std::string price_text(const std::vector<PriceRow>& rows, std::optional<double> target) {
  const std::vector<Cells> columns = columns_of(rows);
  std::vector<Column> titles;
  for (const Cells& column : columns) titles.push_back(column.column);
  if (target) titles.push_back({fmt::format("to loss {:.4f}", *target), Align::kRight});
  Table table(titles);
  std::string problems;
  for (const PriceRow& row : rows) {
    std::vector<std::string> cells;
    for (const Cells& column : columns) {
      // What names the row stands there, whatever happened to it.
      const bool name = column.cell == run_of || column.cell == arm_of || column.cell == links_of ||
                        column.cell == speed_of;
      cells.push_back(row.price.problem.empty() || name ? column.cell(row) : "-");
    }
    if (target) {
      const auto time = row.time_to(target);
      cells.push_back(time ? human_time(*time) : row.price.problem.empty() ? "never" : "-");
    }
    table.row(std::move(cells));
    if (row.price.problem.empty()) continue;
    problems += fmt::format("no price of {} {} on {}: {}\n", row.run, row.arm, row.links,
                            row.price.problem);
  }
  return table.text() + (problems.empty() ? "" : "\n" + problems);
}

std::string price_csv(const std::vector<PriceRow>& rows, std::optional<double> target) {
  std::string text =
      "run,arm,links,compute,tokens,held_out,perplexity,payload_bytes,wire_bytes,virtual_s,"
      "waiting_share,target_loss,to_target_s,problem\n";
  for (const PriceRow& row : rows) {
    const auto to_target = row.time_to(target);
    std::vector<std::string> cells{quoted(row.run),
                                   quoted(row.arm),
                                   quoted(row.links),
                                   format_speed(row.speed),
                                   std::to_string(row.tokens),
                                   exact(row.loss()),
                                   exact(perplexity(row))};
    if (row.price.problem.empty()) {
      cells.insert(cells.end(), {std::to_string(row.price.payload), std::to_string(row.price.wire),
                                 exact_seconds(row.price.time), exact(waiting_share(row.price)),
                                 exact(target), to_target ? exact_seconds(*to_target) : "", ""});
    } else {
      cells.insert(cells.end(), {"", "", "", "", exact(target), "", quoted(row.price.problem)});
    }
    text += join(cells, ",") + '\n';
  }
  return text;
}

std::string price_json(const std::vector<PriceRow>& rows, std::optional<double> target) {
  using Json = nlohmann::ordered_json;
  const auto optional = [](const auto& value) { return value ? Json(*value) : Json(); };
  Json json{{"format", 1}, {"target_loss", optional(target)}, {"rows", Json::array()}};
  for (const PriceRow& row : rows) {
    Json one{{"run", row.run},
             {"arm", row.arm},
             {"links", row.links},
             {"compute", static_cast<double>(row.speed) / 1e6},
             {"tokens", row.tokens},
             {"held_out", optional(row.loss())},
             {"perplexity", optional(perplexity(row))}};
    if (row.price.problem.empty()) {
      one["payload_bytes"] = row.price.payload;
      one["wire_bytes"] = row.price.wire;
      one["virtual_seconds"] = seconds(row.price.time);
      one["waiting_share"] = waiting_share(row.price);
      const auto to_target = row.time_to(target);
      one["seconds_to_target"] = to_target ? Json(seconds(*to_target)) : Json();
    } else {
      one["problem"] = row.price.problem;
    }
    json["rows"].push_back(std::move(one));
  }
  return json.dump(2) + "\n";
}

}  // namespace strait
