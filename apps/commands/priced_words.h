// The words behind `strait price` and `strait compare`, and what both do at their end.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/experiment/price_table.h"

namespace strait {

struct PricedWords {
  std::vector<std::string> items;  // run folders and scenarios
  std::vector<std::string> keys;   // --section.key and value, for all of them
  std::vector<std::string> links;  // files, or scenarios for their networks; empty: each item's own
  std::vector<std::int64_t> speeds{1'000'000};  // of computing, in parts per million
  std::optional<double> loss;
  std::string csv, json;  // where the table goes, too
};

/// Throws UserError, which ends in `usage`.
PricedWords read_priced_words(const std::vector<std::string>& arguments, std::string_view usage);

using Keys = std::vector<std::string>;
Keys operator+(Keys keys, const Keys& more);

/// The networks and speeds that the words name for the settings that `load` reads, with more keys.
/// Throws UserError.
std::vector<Venue> venues_of(const PricedWords& words,
                             const std::function<LoadedConfig(const Keys& more)>& load);

/// An arm on a venue; all outlive the pricing.
struct PriceRequest {
  std::string name;  // of the run, as the user named it
  const TrainedRun* run = nullptr;
  const TrainedArm* arm = nullptr;
  const Venue* venue = nullptr;
  bool moved = false;  // the venue is another network than the run's own
};

/// All arms on all venues.
std::vector<PriceRequest> requests_of(const std::string& name, const TrainedRun& run,
                                      const std::vector<Venue>& venues);

/// By replays, with a bar while they work. Runs whose losses are bound to their own network have
/// what their folder says, and on another one no price.
std::vector<PriceRow> price_rows(const std::vector<PriceRequest>& requests);

/// The table on stdout and in the files that the words name. Without a loss in them the target is
/// the worst final loss.
void show_prices(const std::vector<PriceRow>& rows, const PricedWords& words);

/// Throws UserError for a run whose losses belong to its own network.
void check_priceable(const TrainedRun& run);

}  // namespace strait
