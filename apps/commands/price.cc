// strait price RUN: what a finished run would have cost on other links and with other devices,
// without training it again.

#include <fmt/format.h>

#include <algorithm>

#include "apps/commands/commands.h"
#include "apps/commands/priced_words.h"
#include "apps/output/metrics_csv.h"
#include "core/base/errors.h"

namespace strait {

namespace {

constexpr std::string_view kPriceUsage =
    "write strait price RUN [--links FILE...] [--compute x0.1,x1,x10] [--loss X] [--csv FILE] "
    "[--json FILE] [--key value], e.g. strait price runs/demo-001 --links scenarios/links/*.csv";

/// On the run's own network, with its own settings, a replay has to give the run's times.
void check_replay(const TrainedRun& run, const std::vector<PriceRow>& rows) {
  for (const PriceRow& row : rows) {
    const auto arm = std::find_if(run.arms.begin(), run.arms.end(),
                                  [&](const TrainedArm& a) { return a.options.name == row.arm; });
    const auto same = [](const TrainedRow& recorded, Nanos replayed) {
      return recorded.time == replayed;
    };
    if (!row.price.problem.empty()) continue;
    if (std::equal(arm->rows.begin(), arm->rows.end(), row.price.rounds.begin(),
                   row.price.rounds.end(), same)) {
      continue;
    }
    fmt::print(
        "\nWARNING: these are not the times that {} holds for {} ({} s at its end, {} s by this "
        "replay): another "
        "version of the program made it, its files of links have changed, or it was in real "
        "time.\n",
        run.folder, row.arm, exact_seconds(arm->time), exact_seconds(row.price.time));
  }
}

}  // namespace

int command_price(const std::vector<std::string>& arguments) {
  const PricedWords words = read_priced_words(arguments, kPriceUsage);
  if (words.items.size() > 1) {
    throw UserError(
        fmt::format("'{}' is one word too many: one run at a time; several: strait compare; {}",
                    words.items[1], kPriceUsage));
  }
  const TrainedRun run = read_trained_run(words.items.front());
  check_priceable(run);
  const std::vector<Venue> venues =
      venues_of(words, [&](const Keys& more) { return load_run(run.folder, words.keys + more); });
  const std::vector<PriceRow> rows = price_rows(requests_of(run.folder, run, venues));
  show_prices(rows, words);
  const bool own = words.links.empty() && words.keys.empty() && venues.size() == 1 &&
                   venues.front().speed == 1'000'000;
  if (own) check_replay(run, rows);
  return 0;
}

}  // namespace strait
