#include "apps/papers/papers.h"

#include <fmt/format.h>

#include "apps/output/table.h"
#include "core/plan/published.h"

namespace strait {

namespace {

std::string cell(double published, std::optional<double> rebuilt) {
  return fmt::format("{:.1f} / {}", published, rebuilt ? fmt::format("{:.1f}", *rebuilt) : "more");
}

std::string table_text(const PublishedTable& published) {
  std::vector<Column> columns{{"model"}, {"method"}};
  for (const double utilization : kUtilizations) {
    columns.push_back({fmt::format("{:.0f} %", 100 * utilization), Align::kRight});
  }
  Table table(columns);
  for (const PublishedRow& row : published.rows) {
    std::vector<std::string> cells{std::string(row.model), std::string(row.method)};
    for (std::size_t u = 0; u < kUtilizations.size(); ++u) {
      cells.push_back(
          cell(row.gbit_per_s[u], needed_gbit_per_s(row.trained, row.exchanges, kUtilizations[u])));
    }
    table.row(std::move(cells));
  }
  return fmt::format("{}\n\n{}\n", published.title, table.text());
}

std::string intellect_text() {
  Table table({{"INTELLECT-1 (arXiv 2412.01152)"},
               {"computing", Align::kRight},
               {"exchange", Align::kRight},
               {"share of computing", Align::kRight}});
  for (const PublishedDeployment& d : intellect_1()) {
    table.row({std::string(d.name), fmt::format("{:.0f} s", d.compute_s),
               fmt::format("{:.0f} s", d.exchange_s),
               fmt::format("{:.1f} % / {:.1f} %", d.share_pct,
                           100 * compute_share(d.compute_s, d.exchange_s))});
  }
  return table.text();
}

}  // namespace

std::string papers_text() {
  return fmt::format(
      "Gbit/s between sites for a share of time in which they compute: published / rebuilt, on "
      "the\n"
      "papers' grid of rates, a factor of 1.207 apart. The model: no latency, no TCP, {} of\n"
      "parameters x bits sent. What a scenario's links really do: strait plan SCENARIO.\n\n{}{}{}",
      kPayloadPart, table_text(streaming_table()), table_text(scaling_table()), intellect_text());
}

}  // namespace strait
