// strait net: what the emulated network does, and how well (net_validate.cc).

#include <fmt/format.h>

#include "apps/commands/commands.h"
#include "apps/experiment/session.h"
#include "apps/probing/report.h"
#include "apps/show/network_svg.h"
#include "apps/show/tables.h"
#include "core/base/errors.h"
#include "core/base/files.h"

namespace strait {
namespace {

constexpr std::string_view kShowUsage = "write strait net show SCENARIO [--svg FILE]";
constexpr std::string_view kProbeUsage = "write strait net probe SCENARIO [--key value]";

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
  if (what == "validate") return command_net_validate(rest);
  if (what == "show") return show_network(rest);
  if (what == "probe") return probe(rest);
  throw UserError(fmt::format("strait net{}{}: {}, or {}, or {}", what.empty() ? "" : " ", what,
                              kNetValidateUsage, kShowUsage, kProbeUsage));
}

}  // namespace strait
