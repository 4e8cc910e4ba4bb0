// strait net: what the emulated network does, and how well.

#include <fmt/format.h>

#include <charconv>
#include <cstdio>

#include "apps/commands/commands.h"
#include "apps/experiment/session.h"
#include "apps/probing/report.h"
#include "apps/show/network_svg.h"
#include "apps/show/tables.h"
#include "apps/validation/validate.h"
#include "core/base/errors.h"
#include "core/base/files.h"

namespace strait {
namespace {

constexpr std::string_view kUsage = "write strait net validate --cases FILE... [--seeds N]";
constexpr std::string_view kShowUsage = "write strait net show SCENARIO [--svg FILE]";
constexpr std::string_view kProbeUsage = "write strait net probe SCENARIO [--key value]";

std::uint64_t seeds_of(const std::string& text) {
  std::uint64_t seeds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seeds);
  if (error != std::errc() || end != text.data() + text.size() || seeds < 1 || seeds > 100'000) {
    throw UserError(fmt::format("--seeds {}: write a number from 1 to 100000, e.g. 31", text));
  }
  return seeds;
}

int validate_cases(const std::vector<std::string>& words) {
  std::vector<std::string> files;
  std::uint64_t seeds = 31;
  std::string option;
  for (const std::string& word : words) {
    if (word.starts_with("--")) {
      if (word != "--cases" && word != "--seeds") {
        throw UserError(fmt::format("{} is unknown; {}", word, kUsage));
      }
      option = word;
    } else if (option == "--cases") {
      files.push_back(word);
    } else if (option == "--seeds") {
      seeds = seeds_of(word);
      option.clear();
    } else {
      throw UserError(fmt::format("'{}' belongs to no option; {}", word, kUsage));
    }
  }
  if (option == "--seeds") throw UserError(fmt::format("--seeds has no number; {}", kUsage));
  if (files.empty()) throw UserError(fmt::format("no cases; {}", kUsage));
  std::vector<MeasuredCase> cases;  // all files are read before the first case runs
  for (const std::string& file : files) {
    for (MeasuredCase& measured : read_case_file(file)) cases.push_back(std::move(measured));
  }
  std::vector<ValidatedCase> validated;
  fmt::print("{}", csv_header());
  for (const MeasuredCase& measured : cases) {
    validated.push_back(validate(measured, seeds));
    fmt::print("{}", csv_row(validated.back()));
    std::fflush(stdout);
  }
  fmt::print("{}", summary(validated));
  return 0;
}

/// Takes `--svg FILE` or `--svg=FILE` out of the words; the rest is a scenario and keys.
std::string take_svg(std::vector<std::string>& words) {
  std::string file;
  for (auto word = words.begin(); word != words.end();) {
    const bool joined = word->starts_with("--svg=");
    if (*word != "--svg" && !joined) {
      ++word;
      continue;
    }
    if (!file.empty()) throw UserError(fmt::format("--svg is there twice; {}", kShowUsage));
    if (!joined) word = words.erase(word);
    if (word != words.end()) file = joined ? word->substr(6) : *word;
    if (file.empty() || (!joined && file.starts_with("--"))) {
      throw UserError(fmt::format("--svg has no file; {}", kShowUsage));
    }
    word = words.erase(word);
  }
  return file;
}

/// A scenario that has links to `what`.
LoadedConfig load_emulated(const std::vector<std::string>& words, std::string_view what) {
  LoadedConfig loaded = load_config("", words);
  if (loaded.config.network.kind != "emulated") {
    throw UserError(fmt::format("network.kind = {}: there are no links to {}; write emulated",
                                loaded.config.network.kind, what));
  }
  return loaded;
}

int show_network(std::vector<std::string> words) {
  const std::string svg = take_svg(words);
  const LoadedConfig loaded = load_emulated(words, "show");
  const NetworkDescription network = fabric_of(loaded.config).description;
  const NetworkView view(network);
  if (!svg.empty()) write_file_atomically(svg, network_svg(view, loaded.name()));
  fmt::print("{}: {}\n\n{}", loaded.name(), network_summary(network), links_table(view));
  if (!network.traces.empty()) fmt::print("\n{}", traces_table(view));
  if (view.count() > 1) fmt::print("\n{}", pairs_table(view));
  if (!svg.empty()) fmt::print("\npicture: {}\n", svg);
  return 0;
}

int probe(const std::vector<std::string>& words) {
  if (words.empty()) throw UserError(fmt::format("no scenario; {}", kProbeUsage));
  const LoadedConfig loaded = load_emulated(words, "probe");
  const FabricOptions fabric = fabric_of(loaded.config);
  const NetworkProbe probe = probe_network(fabric.description, fabric.emulated);
  fmt::print("{}: {}\n\n{}", loaded.name(), network_summary(fabric.description),
             probed_links_table(probe));
  if (!probe.pairs.empty()) fmt::print("\n{}", probed_pairs_table(probe));
  fmt::print("\n{}", probe_verdict(probe));
  return deviations(probe).empty() ? 0 : 1;
}

}  // namespace

int command_net(const std::vector<std::string>& words) {
  const std::string what = words.empty() ? "" : words.front();
  const std::vector<std::string> rest(words.begin() + (words.empty() ? 0 : 1), words.end());
  if (what == "validate") return validate_cases(rest);
  if (what == "show") return show_network(rest);
  if (what == "probe") return probe(rest);
  throw UserError(fmt::format("strait net{}{}: {}, or {}, or {}", what.empty() ? "" : " ", what,
                              kUsage, kShowUsage, kProbeUsage));
}

}  // namespace strait
