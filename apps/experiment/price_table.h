// The table of prices: for people as text, for programs as CSV and JSON, all of the same rows.
// Pure functions; thread: any.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/experiment/price.h"

namespace strait {

/// One arm on one network.
struct PriceRow {
  std::string run;  // as the user named it
  std::string arm;
  std::string links;
  std::int64_t speed = 1'000'000;  // of computing, in parts per million
  std::int64_t tokens = 0;
  int islands = 1;
  bool text = false;                          // there is a perplexity
  std::vector<std::optional<double>> losses;  // held-out, by round
  Price price;

  /// Of the last evaluation; none if there was none.
  std::optional<double> loss() const;
  /// The end of the first round whose loss is at most the target; none if it never is.
  std::optional<Nanos> time_to(std::optional<double> target) const;
};

PriceRow price_row(const std::string& run, const TrainedRun& trained, const TrainedArm& arm,
                   const Venue& venue, Price price);

/// The worst final loss of all rows whose islands talk, or of all, if none do; none without losses.
std::optional<double> worst_loss(const std::vector<PriceRow>& rows);

/// Columns in which all rows are alike are left out where they name something.
std::string price_text(const std::vector<PriceRow>& rows, std::optional<double> target);
std::string price_csv(const std::vector<PriceRow>& rows, std::optional<double> target);
std::string price_json(const std::vector<PriceRow>& rows, std::optional<double> target);

}  // namespace strait
