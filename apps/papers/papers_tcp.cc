#include "apps/papers/papers_tcp.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/output/table.h"
#include "core/base/text.h"

namespace strait {
namespace {

using namespace std::chrono_literals;

constexpr Bytes kNoCap = Bytes{1} << 40;
constexpr std::size_t kPrinted = 4;  // conditions whose cells are printed

/// Events of the link model per transfer: 15 s of 64 connections at a round trip of 30 ms.
std::int64_t events_for(int connections) {
  return std::max<std::int64_t>(200'000, std::int64_t{20'000} * connections);
}

std::vector<const PublishedTable*> tables() { return {&streaming_table(), &scaling_table()}; }

/// The place in the grid; one past its end for what it does not reach.
int step_of(std::optional<double> gbit_per_s) {
  const auto& grid = bandwidth_grid();
  if (!gbit_per_s) return static_cast<int>(grid.size());
  return static_cast<int>(std::lower_bound(grid.begin(), grid.end(), *gbit_per_s) - grid.begin());
}

std::string rate_text(std::optional<double> rate) {
  return rate ? fmt::format("{:.1f}", *rate) : "more";
}

using Cells = std::vector<NeededRates>;  // by row, of both tables

std::string cells_text(const Cells& alone, const TcpCondition& first, const Cells& left,
                       const TcpCondition& second, const Cells& right) {
  std::string text;
  std::size_t at = 0;
  for (const PublishedTable* published : tables()) {
    std::vector<Column> columns{{"model"}, {"method"}};
    for (const double utilization : kUtilizations) {
      columns.push_back({fmt::format("{:.0f} %", 100 * utilization), Align::kRight});
    }
    Table table(columns);
    for (const PublishedRow& row : published->rows) {
      std::vector<std::string> cells{std::string(row.model), std::string(row.method)};
      for (std::size_t u = 0; u < kUtilizations.size(); ++u) {
        cells.push_back(fmt::format("{} / {} / {}", rate_text(alone[at][u]), rate_text(left[at][u]),
                                    rate_text(right[at][u])));
      }
      table.row(std::move(cells));
      ++at;
    }
    text += fmt::format("{}: rate alone / {} / {}\n\n{}\n", published->title, first.name,
                        second.name, table.text());
  }
  return text;
}

/// How many cells need so many steps of the grid more than with the rate alone.
std::vector<std::string> counts(const std::string& name, const Cells& alone, const Cells& tcp) {
  int same = 0, one = 0, two = 0, more = 0, never = 0;
  for (std::size_t row = 0; row < alone.size(); ++row) {
    for (std::size_t u = 0; u < kUtilizations.size(); ++u) {
      const int steps = step_of(tcp[row][u]) - step_of(alone[row][u]);
      if (!tcp[row][u]) {
        ++never;
      } else {
        ++(steps <= 0 ? same : steps == 1 ? one : steps == 2 ? two : more);
      }
    }
  }
  std::vector<std::string> cells{name};
  for (const int count : {same, one, two, more, never}) cells.push_back(fmt::format("{}", count));
  return cells;
}

}  // namespace

std::vector<TcpCondition> tcp_conditions() {
  return {{"30 ms, 1 connection", 30ms, 0},
          {"100 ms, 1 connection", 100ms, 0},
          {"30 ms, the best of 1 and 4 connections", 30ms, 0, {1, 4}},
          {"30 ms, 0.01 % loss, 64 connections", 30ms, 100, {64}},
          {"30 ms, 1 connection, no restart after idleness", 30ms, 0, {1}, kNoCap, false},
          {"100 ms, 1 connection, no restart after idleness", 100ms, 0, {1}, kNoCap, false},
          {"30 ms, 0.01 % loss, 1 connection", 30ms, 100},
          {"100 ms, 0.01 % loss, 1 connection", 100ms, 100},
          {"100 ms, 0.01 % loss, 64 connections", 100ms, 100, {64}},
          {"30 ms, 1 connection, window of 64 MiB", 30ms, 0, {1}, 64 << 20},
          {"30 ms, 1 connection, window of 4 MiB", 30ms, 0, {1}, 4 << 20}};
}

NeededRates needed_with_rate_alone(const PublishedRow& row) {
  NeededRates rates;
  for (std::size_t u = 0; u < kUtilizations.size(); ++u) {
    rates[u] = needed_gbit_per_s(row.trained, row.exchanges, kUtilizations[u]);
  }
  return rates;
}

TcpService& NeededWithTcp::service(double gbit_per_s, int connections) {
  const auto known = services_.find({gbit_per_s, connections});
  if (known != services_.end()) return known->second;
  const TcpPath path{
      .rate = {std::llround(gbit_per_s * 1e9 / 8)},
      .rtt = condition_.rtt,
      .loss_ppm = condition_.loss_ppm,
      .connections = connections,
      .tcp = {.window_cap = condition_.window, .idle_restart = condition_.idle_restart}};
  return services_
      .emplace(std::pair(gbit_per_s, connections), TcpService(path, events_for(connections)))
      .first->second;
}

NeededRates NeededWithTcp::operator()(const PublishedRow& row) {
  NeededRates best;
  for (const int connections : condition_.connections) {
    std::map<double, double> known;
    const auto utilization_at = [&](double rate) {
      const auto [at, first] = known.try_emplace(rate);
      if (first) {
        TcpLink link(service(rate, connections));
        at->second = compute_utilization(row.trained, row.exchanges, link);
      }
      return at->second;
    };
    for (std::size_t u = 0; u < kUtilizations.size(); ++u) {
      const auto needed = needed_gbit_per_s(utilization_at, kUtilizations[u]);
      if (needed && (!best[u] || *needed < *best[u])) best[u] = needed;
    }
  }
  return best;
}

std::string papers_tcp_text(std::span<const TcpCondition> conditions,
                            const std::function<void(int, int)>& working) {
  std::vector<const PublishedRow*> rows;
  for (const PublishedTable* table : tables()) {
    for (const PublishedRow& row : table->rows) rows.push_back(&row);
  }
  Cells alone;
  for (const PublishedRow* row : rows) alone.push_back(needed_with_rate_alone(*row));
  const int parts = static_cast<int>(conditions.size() * rows.size());
  int done = 0;
  std::vector<Cells> columns;
  for (const TcpCondition& condition : conditions) {
    NeededWithTcp needed(condition);
    Cells& column = columns.emplace_back();
    for (const PublishedRow* row : rows) {
      if (working) working(done++, parts);
      column.push_back(needed(*row));
    }
  }
  std::string text =
      "Gbit/s between sites for a share of time in which they compute, with TCP on the link: "
      "CUBIC\n"
      "on connections that live as long as the run, queues of one bandwidth-delay product, "
      "windows\n"
      "without a cap, Linux's restart after idleness. Rate alone is the papers' model, rebuilt\n"
      "(strait plan --papers); one step of their grid of rates is a factor of 1.207.\n\n";
  for (std::size_t i = 0; i + 1 < std::min(kPrinted, conditions.size()); i += 2) {
    text += cells_text(alone, conditions[i], columns[i], conditions[i + 1], columns[i + 1]);
  }
  Table table({{"cells that need so many steps more"},
               {"0", Align::kRight},
               {"1", Align::kRight},
               {"2", Align::kRight},
               {"3 and more", Align::kRight},
               {"more than 1 Tbit/s", Align::kRight}});
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    table.row(counts(conditions[i].name, alone, columns[i]));
  }
  return text + table.text();
}

}  // namespace strait
