#include "apps/commands/priced_words.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdio>

#include "apps/output/progress.h"
#include "core/base/errors.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/config/keys.h"

namespace strait {

namespace {

/// "x0.1" as people say it, or "0.1x" as the islands' file has it.
std::int64_t read_speed(const std::string& text, std::string_view usage) {
  try {
    return parse_speed(text.starts_with('x') ? text.substr(1) + "x" : text);
  } catch (const BadQuantity& bad) {
    throw UserError(fmt::format("--compute: {}; {}", bad.what(), usage));
  }
}

double read_loss(const std::string& text, std::string_view usage) {
  double loss = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), loss);
  if (error == std::errc() && end == text.data() + text.size() && std::isfinite(loss)) return loss;
  throw UserError(fmt::format("--loss {}: write a number, e.g. 2.15; {}", text, usage));
}

/// A file of links takes the place of the settings' own; a scenario gives its whole [network].
Keys keys_of_network(const std::string& links) {
  if (links.ends_with(".csv")) {
    // A run over the pipe or over sockets is put on links.
    return {"--network.links", links, "--network.kind", "emulated"};
  }
  Keys words;
  const LoadedConfig other = load_config(links, {});
  for (const Key& key : keys()) {
    const bool files = key.name == "network.kind" || key.name == "network.links" ||
                       key.name == "network.islands" || key.name == "network.regions" ||
                       key.name == "network.bottlenecks" || key.name == "network.events";
    const bool given = key.section() == "network" && other.origins.count(key.name) > 0;
    if (files || given) words = words + Keys{"--" + key.name, key.print(other.config)};
  }
  return words;
}

}  // namespace

PricedWords read_priced_words(const std::vector<std::string>& arguments, std::string_view usage) {
  PricedWords words;
  std::string option;      // that takes the next word
  bool has_value = false;  // it has had one
  std::vector<std::int64_t> speeds;
  const auto expect_value = [&] {
    if (option.empty() || has_value) return;
    throw UserError(fmt::format("{} has no value; {}", option, usage));
  };
  const auto take = [&](const std::string& value) {
    has_value = true;
    const bool many = option == "--links" || option == "--compute";
    if (option == "--links") {
      for (const auto& path : split(value, ',')) words.links.push_back(path);
    } else if (option == "--compute") {
      for (const auto& speed : split(value, ',')) speeds.push_back(read_speed(speed, usage));
    } else if (option == "--loss") {
      words.loss = read_loss(value, usage);
    } else if (option == "--csv") {
      words.csv = value;
    } else if (option == "--json") {
      words.json = value;
    } else {
      words.keys.insert(words.keys.end(), {option, value});
    }
    if (!many) option.clear();
  };
  for (const std::string& word : arguments) {
    if (word.starts_with("--")) {
      expect_value();
      const std::size_t equals = word.find('=');
      option = word.substr(0, equals);
      has_value = false;
      if (equals != std::string::npos) {
        take(word.substr(equals + 1));
        option.clear();
      }
    } else if (!option.empty()) {
      take(word);
    } else {
      words.items.push_back(word);
    }
  }
  expect_value();
  if (!speeds.empty()) words.speeds = speeds;
  if (words.items.empty()) throw UserError(fmt::format("nothing to price; {}", usage));
  check_can_write(words.csv, "--csv");
  check_can_write(words.json, "--json");
  return words;
}

Keys operator+(Keys keys, const Keys& more) {
  keys.insert(keys.end(), more.begin(), more.end());
  return keys;
}

std::vector<Venue> venues_of(const PricedWords& words,
                             const std::function<LoadedConfig(const Keys&)>& load) {
  std::vector<LoadedConfig> networks;
  if (words.links.empty()) {
    networks.push_back(load({}));
  } else {
    for (const std::string& links : words.links) networks.push_back(load(keys_of_network(links)));
  }
  std::vector<Venue> venues;
  for (const LoadedConfig& network : networks) {
    for (const std::int64_t speed : words.speeds) venues.push_back(venue_of(network, speed));
  }
  return venues;
}

std::vector<PriceRequest> requests_of(const std::string& name, const TrainedRun& run,
                                      const std::vector<Venue>& venues) {
  std::vector<PriceRequest> requests;
  for (const Venue& venue : venues) {
    for (const TrainedArm& arm : run.arms) requests.push_back({name, &run, &arm, &venue});
  }
  return requests;
}

std::vector<PriceRow> price_rows(const std::vector<PriceRequest>& requests) {
  std::vector<PriceJob> jobs;
  for (const PriceRequest& request : requests) {
    if (request.run->bound.empty()) jobs.push_back({request.arm, request.venue});
  }
  Progress progress(stdout, is_terminal(stdout));
  std::vector<Price> prices =
      price_all(jobs, [&](int done, int total) { progress.bar("pricing", done, total); });
  progress.clear();
  std::vector<PriceRow> rows;
  auto price = prices.begin();
  for (const PriceRequest& request : requests) {
    const std::string& bound = request.run->bound;
    Price own = bound.empty() ? std::move(*price++) : own_price(*request.arm);
    if (!bound.empty() && request.moved)
      own.problem = bound + ": it was trained on its own network";
    rows.push_back(
        price_row(request.name, *request.run, *request.arm, *request.venue, std::move(own)));
  }
  return rows;
}

void show_prices(const std::vector<PriceRow>& rows, const PricedWords& words) {
  const std::optional<double> target = words.loss ? words.loss : worst_loss(rows);
  if (!words.csv.empty()) write_file_atomically(words.csv, price_csv(rows, target), "--csv");
  if (!words.json.empty()) write_file_atomically(words.json, price_json(rows, target), "--json");
  std::fputs(price_text(rows, target).c_str(), stdout);
}

void check_priceable(const TrainedRun& run) {
  if (run.bound.empty()) return;
  throw UserError(fmt::format(
      "{}: {}, so what was trained depends on its network and has no price on another; run it "
      "there, e.g. with strait compare",
      run.folder, run.bound));
}

}  // namespace strait
